/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A YAML document as a tree that keeps the lines. What the configuration does not use is refused:
 * anchors, aliases, tags. */
#ifndef XNS_CONFIG_TREE_H
#define XNS_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/report.h"

enum tree_type {
	TREE_SCALAR,
	TREE_LIST,
	TREE_MAP,
};

struct tree_node {
	enum tree_type type;
	unsigned line;		 /* 1 and up */
	bool plain;		 /* a scalar without quotes */
	char *value;		 /* of a scalar, NUL-terminated, no NUL inside */
	struct tree_node *child; /* of a list: its items; of a map: key, value, key, value... */
	struct tree_node *next;
};

/* 0 and *ret, -EINVAL (reported) or -ENOMEM. */
int tree_parse(const uint8_t *text, size_t len, struct config_report *report,
	       struct tree_node **ret);
void tree_free(struct tree_node *node);

/* Nothing was written where a value belongs ("key:", "key: ~"). */
bool tree_is_null(const struct tree_node *node);

/* The value of a key of a mapping, or NULL: not there, or no mapping. */
const struct tree_node *tree_get(const struct tree_node *map, const char *key);

#endif
