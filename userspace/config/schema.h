/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys of the configuration as tables, and the one function that reads a section by its table.
 */
#ifndef XNS_CONFIG_SCHEMA_H
#define XNS_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libdnssec/binary.h>
#include <libdnssec/tsig.h>

#include "config/config.h"
#include "config/index.h"
#include "config/report.h"
#include "config/tree.h"

/* Things with an id that others refer to, in the order in which they are read; and zones. */
enum config_kind {
	CONFIG_KIND_KEY,
	CONFIG_KIND_TLS,
	CONFIG_KIND_REMOTE,
	CONFIG_KIND_ACL,
	CONFIG_KIND_TEMPLATE,
	CONFIG_KIND_ZONE,
	CONFIG_KINDS,
};

enum config_type {
	CONFIG_APART, /* read elsewhere: here only its name is known */
	CONFIG_NODE,  /* kept as it is: const struct tree_node * */
	/* numbers: unsigned integers of `width` bytes, stored as value × scale */
	CONFIG_NUMBER,
	CONFIG_SIZE, /* B, K, M, G, T behind it: powers of 1024 */
	CONFIG_TIME, /* s, m, h, d behind it; seconds */
	/* strings: char *; min and max are lengths */
	CONFIG_TEXT,
	CONFIG_ID,
	CONFIG_PATH,
	CONFIG_FILE, /* a path of a file that can be read now */
	CONFIG_HOSTNAME,
	CONFIG_USER,
	CONFIG_ENUM,	  /* an enum: one of `names`, in its order */
	CONFIG_BOOL,	  /* bool */
	CONFIG_DOMAIN,	  /* knot_dname_t * */
	CONFIG_BYTES,	  /* text or 0x and hex digits: `width` bytes at offset, how many at
			     count_offset */
	CONFIG_REFERENCE, /* a pointer to the thing of kind `to` with this id */
	/* lists: an array at offset, its length (size_t) at count_offset; at most max */
	CONFIG_LISTEN,	   /* struct sockaddr_storage; `port` if none is given */
	CONFIG_ADDRESSES,  /* struct sockaddr_storage; reader->remote_port if none is given */
	CONFIG_SOURCES,	   /* struct sockaddr_storage, no port; one of a family */
	CONFIG_NETWORKS,   /* struct config_acl_net */
	CONFIG_PINS,	   /* uint8_t[CONFIG_PIN_LEN] */
	CONFIG_INTERFACES, /* char * */
	CONFIG_COMMAND,	   /* char *; the first is a program */
	CONFIG_REFERENCES, /* pointers to things of kind `to` */
	CONFIG_ACTIONS,	   /* no array: sets `transfer` and `notify` of a struct config_acl */
};

struct config_key {
	const char *name;
	enum config_type type;
	bool required;
	size_t offset, count_offset;
	size_t width;
	uint32_t scale;
	uint64_t min, max;
	unsigned port;
	enum config_kind to;
	const char *const *names; /* NULL ends them */
	const char *preset;	  /* as it would stand in the file; NULL: zero */
	const char *allowed;	  /* for messages */
};

struct config_section {
	const char *name; /* NULL: the top of the file */
	const struct config_key *keys;
	size_t n_keys;
	const struct config_key *more; /* what sections have in common */
	size_t n_more;
};

/* What the top of the file is read into. */
struct config_root {
	const struct tree_node *server;
	const struct tree_node *items[CONFIG_KINDS];
};

/* What one of `keys` is read into (keys.c). */
struct config_key_text {
	knot_dname_t *name;
	dnssec_tsig_algorithm_t algorithm;
	const struct tree_node *secret;
	char *file;
};

extern const struct config_section config_root_section;	    /* struct config_root */
extern const struct config_section config_server_section;   /* struct config */
extern const struct config_section config_key_section;	    /* struct config_key_text */
extern const struct config_section config_tls_section;	    /* struct config_tls */
extern const struct config_section config_remote_section;   /* struct config_remote */
extern const struct config_section config_acl_section;	    /* struct config_acl */
extern const struct config_section config_template_section; /* struct config_zone */
extern const struct config_section config_zone_section;	    /* struct config_zone */

struct config_reader {
	struct config_report report;
	struct config *config;
	struct config_root root;
	struct config_index index[CONFIG_KINDS]; /* by id; of keys and zones by name in wire form */
	struct config_zone preset;		 /* what a zone has without a word */
	unsigned remote_port;
	bool oom;
};

/*
 * Reads a mapping into object; what is not there is copied from `presets`, an object of the same
 * type, or where that is NULL gets the preset of its key. Errors go to reader->report.
 */
void config_read_section(struct config_reader *reader, const struct config_section *section,
			 const struct tree_node *map, const void *presets, void *object);
/* The presets of a section's keys. */
void config_read_presets(struct config_reader *reader, const struct config_section *section,
			 void *object);

/* One value (values.c). path: the key with its section, for messages. */
void config_read_value(struct config_reader *reader, const struct config_key *key, const char *path,
		       const struct tree_node *node, void *object);
/* One of a list type (lists.c). */
void config_read_list(struct config_reader *reader, const struct config_key *key, const char *path,
		      const struct tree_node *node, void *object);

/* Gives `to` a list of its own with what is in that of `from`, objects of one type. */
void config_copy_list(struct config_reader *reader, const struct config_key *key, const void *from,
		      void *to);
/* What stands for an address, or NULL: why it cannot be one of this host or a remote. */
const char *config_address_fault(const struct sockaddr_storage *addr);
/* What is wrong with text that address_parse does not take. */
const char *config_address_syntax(const char *text);
/* ADDR or ADDR/PREFIX (addresses.c). NULL, or what is wrong with it. */
const char *config_parse_network(const char *text, struct config_acl_net *ret);

/* Base64 of len characters; to be freed with dnssec_binary_free. false: it is none, or no memory.
 */
bool config_parse_base64(const char *text, size_t len, dnssec_binary_t *ret);

/* The thing that an id stands for, or NULL: reported (sections.c). */
void *config_find(struct config_reader *reader, enum config_kind kind, const char *path,
		  const struct tree_node *id);
/* All sections but `server`. */
void config_read_kinds(struct config_reader *reader);

/* Warns of files that `server.user` may not read (files.c). For when all else is right. */
void config_check_files(struct config_reader *reader);

/* One of `keys`, into a struct config_tsig (keys.c). */
void config_read_tsig(struct config_reader *reader, const struct tree_node *item, void *object);

#endif
