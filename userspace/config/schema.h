/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys of the configuration as tables, and the one function that reads a section by its table.
 */
#ifndef XNS_CONFIG_SCHEMA_H
#define XNS_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/index.h"
#include "config/report.h"
#include "config/tree.h"

enum config_type {
	CONFIG_NODE, /* kept as it is: const struct tree_node * */
	/* numbers: unsigned integers of `width` bytes, stored as value × scale */
	CONFIG_NUMBER,
	CONFIG_SIZE, /* B, K, M, G, T behind it: powers of 1024 */
	CONFIG_TIME, /* s, m, h, d behind it; seconds */
	/* strings: char *; min and max are lengths */
	CONFIG_TEXT,
	CONFIG_ID,
	CONFIG_PATH,
	CONFIG_USER,
	CONFIG_LOG_LEVEL, /* enum log_level */
	CONFIG_BOOL,	  /* bool */
	CONFIG_DOMAIN,	  /* knot_dname_t * */
	CONFIG_BYTES,	  /* text or 0x and hex digits: `width` bytes at offset, how many at
			     count_offset */
	/* lists: an array at offset, its length (size_t) at count_offset; at most max */
	CONFIG_LISTEN,	   /* struct sockaddr_storage */
	CONFIG_ADDRESSES,  /* struct sockaddr_storage */
	CONFIG_INTERFACES, /* char * */
	CONFIG_REMOTES,	   /* const struct config_remote * */
};

struct config_key {
	const char *name;
	enum config_type type;
	bool required;
	size_t offset, count_offset;
	size_t width;
	uint32_t scale;
	uint64_t min, max;
	const char *preset;  /* as it would stand in the file; NULL: zero */
	const char *allowed; /* for messages */
};

struct config_section {
	const char *name; /* NULL: the top of the file */
	const struct config_key *keys;
	size_t n_keys;
};

/* What the top of the file is read into. */
struct config_root {
	const struct tree_node *server, *remotes, *zones;
};

extern const struct config_section config_root_section;	  /* struct config_root */
extern const struct config_section config_server_section; /* struct config */
extern const struct config_section config_remote_section; /* struct config_remote */
extern const struct config_section config_zone_section;	  /* struct config_zone */

struct config_reader {
	struct config_report report;
	struct config *config;
	struct config_index remotes; /* by id */
	bool oom;
};

/* Reads a mapping into object; what is not there gets its preset. Errors go to reader->report. */
void config_read_section(struct config_reader *reader, const struct config_section *section,
			 const struct tree_node *map, void *object);

/* One value (values.c). path: the key with its section, for messages. */
void config_read_value(struct config_reader *reader, const struct config_key *key, const char *path,
		       const struct tree_node *node, void *object);
/* One of a list type (lists.c). */
void config_read_list(struct config_reader *reader, const struct config_key *key, const char *path,
		      const struct tree_node *node, void *object);

#endif
