// SPDX-License-Identifier: GPL-3.0-or-later
/* TSIG keys. No message of this file has a secret in it. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/schema.h"

#define KEY_FILE_MAX	4096
#define SECRET_MAX	512 /* bytes */
#define SECRET_SHORT	16  /* fewer are warned of */
#define ALGORITHM_PLACE "hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512 or hmac-md5"

bool config_parse_base64(const char *text, size_t len, dnssec_binary_t *ret)
{
	size_t digits = len;

	/* libdnssec is lenient with what stands around and between. */
	while (digits > 0 && len - digits < 2 && text[digits - 1] == '=')
		digits--;
	for (size_t i = 0; i < digits; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '+' && text[i] != '/')
			return false;
	if (len == 0 || len % 4 != 0)
		return false;
	return dnssec_binary_from_base64(&(dnssec_binary_t){.data = (uint8_t *)text, .size = len},
					 ret) == 0;
}

/* What a key file says. Points into its text. */
struct key_file {
	const char *name; /* NULL: not said */
	size_t name_len;
	const char *algorithm; /* NULL: not said */
	size_t algorithm_len;
	const char *secret;
	size_t secret_len;
};

/* ---- the file of a key ---- */

/* Nobody else may read it: root's, ours, or of the user that we shall be. */
static const char *owner_fault(const struct config_reader *reader, const struct stat *st)
{
	const struct passwd *user = reader->config->user ? getpwnam(reader->config->user) : NULL;

	if (!S_ISREG(st->st_mode))
		return "is not a file";
	if (st->st_mode & 077)
		return "may be read by others than its owner; chmod it to 600 or 400";
	if (st->st_uid != 0 && st->st_uid != geteuid() && !(user && st->st_uid == user->pw_uid))
		return "is owned neither by root nor by the user that xnsd runs as";
	return NULL;
}

/* NULL and the text, NUL-terminated; or what is wrong. */
static const char *read_key_file(const struct config_reader *reader, const char *path,
				 char text[KEY_FILE_MAX + 1])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *fault;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT	 ? "is not there"
		       : errno == EACCES ? "may not be read by this user"
					 : "cannot be opened";
	fault = fstat(fd, &st) < 0 ? "cannot be read" : owner_fault(reader, &st);
	if (!fault) {
		n = read(fd, text, KEY_FILE_MAX + 1);
		if (n < 0)
			fault = "cannot be read";
		else if (n > KEY_FILE_MAX)
			fault = "is too long to be a key";
		else
			text[n] = '\0';
		if (!fault && strlen(text) != (size_t)n)
			fault = "has a NUL byte in it";
	}
	close(fd);
	return fault;
}

static const char *skip_blanks(const char *c)
{
	for (;;) {
		c += strspn(c, " \t\r\n");
		if (*c != '#' && strncmp(c, "//", 2) != 0)
			return c;
		c += strcspn(c, "\n");
	}
}

/* A word, perhaps in quotes; what follows it. NULL: none. */
static const char *take_word(const char *c, const char **ret, size_t *ret_len)
{
	bool quoted;

	c = skip_blanks(c);
	quoted = *c == '"';
	c += quoted;
	*ret = c;
	*ret_len = strcspn(c, quoted ? "\"\n" : " \t\r\n;{}\"");
	c += *ret_len;
	if (*ret_len == 0 || (quoted && *c++ != '"'))
		return NULL;
	return skip_blanks(c);
}

static bool is_word(const char *word, size_t len, const char *expect)
{
	return len == strlen(expect) && memcmp(word, expect, len) == 0;
}

/* As tsig-keygen writes it: key "NAME" { algorithm NAME; secret "BASE64"; }; */
static bool parse_bind(const char *c, struct key_file *ret)
{
	const char *word;
	size_t len;

	c = take_word(c, &word, &len);
	if (!c || !is_word(word, len, "key"))
		return false;
	c = take_word(c, &ret->name, &ret->name_len);
	if (!c || *c != '{')
		return false;
	for (c = skip_blanks(c + 1); c && *c != '}';) {
		c = take_word(c, &word, &len);
		if (c && is_word(word, len, "algorithm"))
			c = take_word(c, &ret->algorithm, &ret->algorithm_len);
		else if (c && is_word(word, len, "secret"))
			c = take_word(c, &ret->secret, &ret->secret_len);
		else
			return false;
		if (!c || *c != ';')
			return false;
		c = skip_blanks(c + 1);
	}
	if (!c)
		return false;
	c = skip_blanks(c + 1);
	c = *c == ';' ? skip_blanks(c + 1) : c;
	return *c == '\0' && ret->secret;
}

/* ALGORITHM:NAME:BASE64, as Knot's tools write it, or BASE64 alone. */
static bool parse_line(const char *c, struct key_file *ret)
{
	const char *word, *colon, *second;
	size_t len;

	c = take_word(c, &word, &len);
	if (!c || *c != '\0')
		return false;
	ret->secret = word;
	ret->secret_len = len;
	colon = memchr(word, ':', len);
	if (!colon)
		return true;
	second = memchr(colon + 1, ':', word + len - colon - 1);
	if (!second)
		return false;
	ret->algorithm = word;
	ret->algorithm_len = colon - word;
	ret->name = colon + 1;
	ret->name_len = second - ret->name;
	ret->secret = second + 1;
	ret->secret_len = word + len - ret->secret;
	return true;
}

/* ---- one of `keys` ---- */

static bool is_name(const char *text, size_t len, const knot_dname_t *expect)
{
	char name[KNOT_DNAME_TXT_MAXLEN + 1];
	knot_dname_storage_t wire;

	if (len >= sizeof(name))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	return knot_dname_from_str(wire, name, sizeof(wire)) &&
	       knot_dname_is_case_equal(wire, expect);
}

static dnssec_tsig_algorithm_t algorithm_of(const char *text, size_t len)
{
	char name[32];

	if (len >= sizeof(name))
		return DNSSEC_TSIG_UNKNOWN;
	memcpy(name, text, len);
	name[len] = '\0';
	return dnssec_tsig_algorithm_from_name(name);
}

static void set_secret(struct config_reader *reader, const char *path, unsigned line,
		       const char *text, size_t len, struct config_tsig *key)
{
	if (!config_parse_base64(text, len, &key->tsig.secret)) {
		config_report(&reader->report, line, path,
			      "the secret is not base64 (which is not shown here)");
		return;
	}
	if (key->tsig.secret.size > SECRET_MAX)
		config_report(&reader->report, line, path,
			      "the secret is longer than %d bytes, which no key is", SECRET_MAX);
	else if (key->tsig.secret.size < SECRET_SHORT)
		config_warn(
			&reader->report, line, path,
			"a secret of %zu bytes may be guessed; take as many as its algorithm's digest has",
			key->tsig.secret.size);
}

static void read_from_file(struct config_reader *reader, const char *path, unsigned line,
			   struct config_tsig *key)
{
	static const char where[] = "keys.file";
	char text[KEY_FILE_MAX + 1];
	struct key_file file = {0};
	const char *fault = read_key_file(reader, path, text);
	dnssec_tsig_algorithm_t algorithm;

	if (fault) {
		config_report(&reader->report, line, where, "'%.200s' %s", path, fault);
		goto out;
	}
	if (!parse_line(text, &file)) {
		file = (struct key_file){0};
		if (!parse_bind(text, &file)) {
			config_report(
				&reader->report, line, where,
				"'%.200s' has no key in it; allowed are SECRET, ALGORITHM:NAME:SECRET, or key \"NAME\" "
				"{ algorithm ALGORITHM; secret \"SECRET\"; };",
				path);
			goto out;
		}
	}
	if (file.name && !is_name(file.name, file.name_len, key->tsig.name))
		config_report(&reader->report, line, where, "'%.200s' has a key of another name",
			      path);
	if (file.algorithm) {
		algorithm = algorithm_of(file.algorithm, file.algorithm_len);
		if (algorithm == DNSSEC_TSIG_UNKNOWN)
			config_report(&reader->report, line, where,
				      "'%.200s' has a key of an algorithm that is not known", path);
		else if (key->tsig.algorithm && key->tsig.algorithm != algorithm)
			config_report(&reader->report, line, where,
				      "'%.200s' has a key of another algorithm", path);
		key->tsig.algorithm = algorithm ? algorithm : DNSSEC_TSIG_HMAC_SHA256;
	}
	set_secret(reader, where, line, file.secret, file.secret_len, key);
out:
	explicit_bzero(text, sizeof(text));
}

void config_read_tsig(struct config_reader *reader, const struct tree_node *item, void *object)
{
	struct config_tsig *key = object;
	struct config_key_text text = {0};
	size_t errors = reader->report.errors;

	config_read_section(reader, &config_key_section, item, NULL, &text);
	if (text.name) {
		key->id = strdup(tree_get(item, "id")->value);
		reader->oom |= !key->id;
	}
	key->tsig.name = text.name;
	key->tsig.algorithm = text.algorithm;
	if (reader->report.errors > errors)
		goto out;
	if (!text.secret == !text.file)
		config_report(&reader->report, item->line, "keys.secret",
			      text.secret ? "'secret' and 'file' are given; give one of them"
					  : "missing; give 'secret' (base64) or 'file'");
	else if (text.file)
		read_from_file(reader, text.file, tree_get(item, "file")->line, key);
	else if (text.secret->type != TREE_SCALAR)
		config_report(&reader->report, text.secret->line, "keys.secret",
			      "is not a single value; give the secret in base64");
	else
		set_secret(reader, "keys.secret", text.secret->line, text.secret->value,
			   strlen(text.secret->value), key);
	if (key->tsig.algorithm == DNSSEC_TSIG_UNKNOWN && reader->report.errors == errors)
		config_report(&reader->report, item->line, "keys.algorithm",
			      "missing; give " ALGORITHM_PLACE);
	if (key->tsig.algorithm == DNSSEC_TSIG_HMAC_MD5)
		config_warn(
			&reader->report, item->line, "keys.algorithm",
			"hmac-md5 is of the past (RFC 8945 §6); hmac-sha256 is what all servers have");
out:
	free(text.file);
}
