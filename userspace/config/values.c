// SPDX-License-Identifier: GPL-3.0-or-later
/* Single values. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/schema.h"

static void report_bad(struct config_reader *reader, const struct config_key *key, const char *path,
		       const struct tree_node *node, const char *why)
{
	config_report(&reader->report, node->line, path, "'%.100s' %s; give %s", node->value, why,
		      key->allowed);
}

struct unit {
	char letter;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{'B', 1},	   {'K', 1ULL << 10}, {'M', 1ULL << 20},
	{'G', 1ULL << 30}, {'T', 1ULL << 40}, {0, 0},
};
static const struct unit time_units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {0, 0}};

/* Digits and perhaps a unit. Too large for 64 bits comes out as UINT64_MAX: above every key's
 * limit. */
static bool parse_number(const char *text, const struct unit *units, uint64_t *ret)
{
	uint64_t value = 0;
	bool over = false;

	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++)
		over |= __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*text - '0'), &value);
	for (; *text && units && units->letter; units++) {
		if (*text != units->letter)
			continue;
		over |= __builtin_mul_overflow(value, units->factor, &value);
		text++;
		break;
	}
	*ret = over ? UINT64_MAX : value;
	return *text == '\0';
}

static void read_number(struct config_reader *reader, const struct config_key *key,
			const char *path, const struct tree_node *node, void *object)
{
	const struct unit *units = key->type == CONFIG_SIZE   ? size_units
				   : key->type == CONFIG_TIME ? time_units
							      : NULL;
	void *field = (char *)object + key->offset;
	uint64_t value;

	if (!parse_number(node->value, units, &value)) {
		report_bad(reader, key, path, node,
			   key->type == CONFIG_SIZE   ? "is not a size"
			   : key->type == CONFIG_TIME ? "is not a time"
						      : "is not a number");
		return;
	}
	if (value < key->min || value > key->max) {
		report_bad(reader, key, path, node, "is out of range");
		return;
	}
	value *= key->scale;
	switch (key->width) {
	case 2:
		*(uint16_t *)field = value;
		break;
	case 4:
		*(uint32_t *)field = value;
		break;
	case 8:
		*(uint64_t *)field = value;
		break;
	}
}

static const char *path_fault(const char *text)
{
	if (text[0] != '/')
		return "is not an absolute path";
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return "has a control character in it";
	return NULL;
}

/* It is opened, as whoever may read it is not only a matter of the mode; a device or a pipe is no
 * such file. */
static const char *file_fault(const char *path)
{
	const char *fault = path_fault(path);
	struct stat st;
	int fd;

	if (fault)
		return fault;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT	 ? "is not there"
		       : errno == EACCES ? "may not be read by this user"
					 : "cannot be opened";
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		fault = "is not a file";
	close(fd);
	return fault;
}

static const char *id_fault(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c) || *c == ',')
			return "has a character that an id cannot have";
	return NULL;
}

/* What the presentation form of a name cannot have unless escaped; libknot takes any byte. */
static const char *domain_fault(const char *text)
{
	if (*text == '\0')
		return "is empty";
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c >= 0x80)
			return "is not ASCII: write an international name in its xn-- form";
		if (!isgraph((unsigned char)*c))
			return "has a blank or control character in it";
		if (strchr("\"@;()", *c))
			return "has a character in it that must be escaped";
		if (*c == '\\' && c[1] != '\0')
			c++;
	}
	return NULL;
}

/* As it stands in certificates: no escapes, no final dot. */
static const char *hostname_fault(const char *text)
{
	knot_dname_storage_t name;

	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.:", *c))
			return "has a character that a host name cannot have";
	if (text[strlen(text) - 1] == '.')
		return "has a dot at its end, which certificates do not have";
	return knot_dname_from_str(name, text, sizeof(name)) ? NULL : "is not a host name";
}

static const char *string_fault(const struct config_key *key, const char *text)
{
	size_t len = strlen(text);

	if (len < key->min)
		return "is empty";
	if (len > key->max)
		return "is too long";
	switch (key->type) {
	case CONFIG_PATH:
		return path_fault(text);
	case CONFIG_FILE:
		return file_fault(text);
	case CONFIG_ID:
		return id_fault(text);
	case CONFIG_HOSTNAME:
		return hostname_fault(text);
	case CONFIG_USER:
		return getpwnam(text) ? NULL : "is no user of this system";
	default:
		return NULL;
	}
}

static void read_string(struct config_reader *reader, const struct config_key *key,
			const char *path, const struct tree_node *node, void *object)
{
	const char *fault = string_fault(key, node->value);
	char *copy;

	if (fault) {
		report_bad(reader, key, path, node, fault);
		return;
	}
	copy = strdup(node->value);
	if (!copy)
		reader->oom = true;
	*(char **)((char *)object + key->offset) = copy;
}

static void read_enum(struct config_reader *reader, const struct config_key *key, const char *path,
		      const struct tree_node *node, void *object)
{
	for (size_t i = 0; key->names[i]; i++) {
		if (key->names[i][0] && strcmp(node->value, key->names[i]) == 0) {
			*(unsigned *)((char *)object + key->offset) = i;
			return;
		}
	}
	report_bad(reader, key, path, node, "is none of them");
}

static void read_bool(struct config_reader *reader, const struct config_key *key, const char *path,
		      const struct tree_node *node, void *object)
{
	bool is_true = strcmp(node->value, "true") == 0;

	if (is_true || strcmp(node->value, "false") == 0)
		*(bool *)((char *)object + key->offset) = is_true;
	else
		report_bad(reader, key, path, node, "is neither");
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));

	return at ? (int)(at - digits) : -1;
}

/* "0x" and pairs of digits. What is wrong with them, or NULL. */
static const char *parse_hex(const char *text, size_t max, uint8_t *ret_bytes, size_t *ret_len)
{
	size_t len = 0;

	for (text += 2; *text != '\0'; text += 2) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0)
			return "is not 0x and pairs of hex digits";
		if (len == max)
			return "is too long";
		ret_bytes[len++] = high << 4 | low;
	}
	*ret_len = len;
	return len > 0 ? NULL : "has no digits";
}

/* As Knot DNS writes an NSID. A text that begins with 0x cannot be given as such. */
static void read_bytes(struct config_reader *reader, const struct config_key *key, const char *path,
		       const struct tree_node *node, void *object)
{
	uint8_t *bytes = (uint8_t *)object + key->offset;
	size_t len = strlen(node->value);
	const char *fault = NULL;

	if (strncmp(node->value, "0x", 2) == 0)
		fault = parse_hex(node->value, key->width, bytes, &len);
	else if (len == 0 || len > key->width)
		fault = len == 0 ? "is empty" : "is too long";
	else
		memcpy(bytes, node->value, len);
	if (fault)
		report_bad(reader, key, path, node, fault);
	else
		*(size_t *)((char *)object + key->count_offset) = len;
}

static void read_domain(struct config_reader *reader, const struct config_key *key,
			const char *path, const struct tree_node *node, void *object)
{
	const char *fault = domain_fault(node->value);
	knot_dname_t *name = NULL;

	if (!fault) {
		name = knot_dname_from_str_alloc(node->value);
		if (!name)
			fault = "is not a domain name (labels are 1 to 63 bytes, the whole at most 255)";
	}
	if (fault) {
		report_bad(reader, key, path, node, fault);
		return;
	}
	knot_dname_to_lower(name);
	*(knot_dname_t **)((char *)object + key->offset) = name;
}

void config_read_value(struct config_reader *reader, const struct config_key *key, const char *path,
		       const struct tree_node *node, void *object)
{
	if (tree_is_null(node)) {
		config_report(&reader->report, node->line, path, "has no value; give %s",
			      key->allowed);
		return;
	}
	if (key->type == CONFIG_APART)
		return;
	if (key->type == CONFIG_NODE) {
		*(const struct tree_node **)((char *)object + key->offset) = node;
		return;
	}
	if (key->type >= CONFIG_LISTEN) {
		config_read_list(reader, key, path, node, object);
		return;
	}
	if (node->type != TREE_SCALAR) {
		config_report(&reader->report, node->line, path, "is a %s; give %s",
			      node->type == TREE_LIST ? "list" : "mapping", key->allowed);
		return;
	}
	if (key->type <= CONFIG_TIME)
		read_number(reader, key, path, node, object);
	else if (key->type == CONFIG_ENUM)
		read_enum(reader, key, path, node, object);
	else if (key->type == CONFIG_REFERENCE)
		*(void **)((char *)object + key->offset) = config_find(reader, key->to, path, node);
	else if (key->type == CONFIG_BOOL)
		read_bool(reader, key, path, node, object);
	else if (key->type == CONFIG_DOMAIN)
		read_domain(reader, key, path, node, object);
	else if (key->type == CONFIG_BYTES)
		read_bytes(reader, key, path, node, object);
	else
		read_string(reader, key, path, node, object);
}
