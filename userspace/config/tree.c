// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Built from libyaml's events: its document API forgets which nodes had an anchor, and expands
 * aliases, so that a small file can stand for a huge one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/tree.h"

#define DEPTH_MAX 16 /* the schema needs 5 */

struct builder {
	struct config_report *report;
	struct tree_node *root;
	struct tree_node *parent[DEPTH_MAX];
	struct tree_node **tail[DEPTH_MAX]; /* where the next child of that parent goes */
	unsigned depth;
	unsigned documents;
};

void tree_free(struct tree_node *node)
{
	while (node) {
		struct tree_node *next = node->next;
		tree_free(node->child);
		free(node->value);
		free(node);
		node = next;
	}
}

bool tree_is_null(const struct tree_node *node)
{
	return node->type == TREE_SCALAR && node->plain &&
	       (node->value[0] == '\0' || strcmp(node->value, "~") == 0 ||
		strcmp(node->value, "null") == 0);
}

const struct tree_node *tree_get(const struct tree_node *map, const char *key)
{
	if (!map || map->type != TREE_MAP)
		return NULL;
	for (const struct tree_node *name = map->child; name; name = name->next->next)
		if (name->type == TREE_SCALAR && strcmp(name->value, key) == 0)
			return name->next;
	return NULL;
}

static unsigned event_line(const yaml_event_t *event)
{
	return event->start_mark.line + 1;
}

static int add_node(struct builder *b, enum tree_type type, unsigned line, struct tree_node **ret)
{
	struct tree_node *node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->type = type;
	node->line = line;
	if (b->depth == 0) {
		b->root = node;
	} else {
		*b->tail[b->depth - 1] = node;
		b->tail[b->depth - 1] = &node->next;
	}
	*ret = node;
	return 0;
}

static int open_node(struct builder *b, enum tree_type type, unsigned line)
{
	struct tree_node *node;

	if (b->depth == DEPTH_MAX) {
		config_report(b->report, line, "YAML", "nested more than %d levels deep",
			      DEPTH_MAX);
		return -EINVAL;
	}
	int err = add_node(b, type, line, &node);
	if (err < 0)
		return err;
	b->parent[b->depth] = node;
	b->tail[b->depth] = &node->child;
	b->depth++;
	return 0;
}

static int refuse(struct builder *b, unsigned line, const char *what, const yaml_char_t *name)
{
	config_report(b->report, line, "YAML",
		      "%s '%.80s' is not supported here; write the value itself", what,
		      (const char *)name);
	return -EINVAL;
}

static int add_scalar(struct builder *b, yaml_event_t *event)
{
	struct tree_node *node;

	if (event->data.scalar.anchor)
		return refuse(b, event_line(event), "anchor", event->data.scalar.anchor);
	if (event->data.scalar.tag)
		return refuse(b, event_line(event), "tag", event->data.scalar.tag);
	if (memchr(event->data.scalar.value, 0, event->data.scalar.length)) {
		config_report(b->report, event_line(event), "YAML", "a value has a NUL byte in it");
		return -EINVAL;
	}
	int err = add_node(b, TREE_SCALAR, event_line(event), &node);
	if (err < 0)
		return err;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->value = strdup((const char *)event->data.scalar.value);
	return node->value ? 0 : -ENOMEM;
}

static int add_event(struct builder *b, yaml_event_t *event)
{
	unsigned line = event_line(event);

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++ == 0)
			return 0;
		config_report(b->report, line, "YAML",
			      "a second document begins here; the file is one document");
		return -EINVAL;
	case YAML_ALIAS_EVENT:
		return refuse(b, line, "alias", event->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		return add_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		if (event->data.sequence_start.anchor)
			return refuse(b, line, "anchor", event->data.sequence_start.anchor);
		if (event->data.sequence_start.tag)
			return refuse(b, line, "tag", event->data.sequence_start.tag);
		return open_node(b, TREE_LIST, line);
	case YAML_MAPPING_START_EVENT:
		if (event->data.mapping_start.anchor)
			return refuse(b, line, "anchor", event->data.mapping_start.anchor);
		if (event->data.mapping_start.tag)
			return refuse(b, line, "tag", event->data.mapping_start.tag);
		return open_node(b, TREE_MAP, line);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

/* What libyaml says, with the line. Its reader (bad UTF-8) knows only the offset. */
static int report_syntax(const yaml_parser_t *parser, const uint8_t *text, size_t len,
			 struct config_report *report)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	unsigned line = parser->problem_mark.line + 1;
	if (parser->error == YAML_READER_ERROR) {
		line = 1;
		for (size_t i = 0; i < len && i < parser->problem_offset; i++)
			line += text[i] == '\n';
	}
	const char *problem = parser->problem ? parser->problem : "syntax error";
	if (parser->context)
		config_report(report, line, "YAML", "%s, %s that begins on line %zu", problem,
			      parser->context, parser->context_mark.line + 1);
	else
		config_report(report, line, "YAML", "%s", problem);
	return -EINVAL;
}

int tree_parse(const uint8_t *text, size_t len, struct config_report *report,
	       struct tree_node **ret)
{
	struct builder b = {.report = report};
	yaml_parser_t parser;
	int err = 0;
	bool end = false;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, text, len);
	while (!end && err == 0) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			err = report_syntax(&parser, text, len, report);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		err = add_event(&b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (err == 0 && !b.root) {
		config_report(report, 0, NULL, "the file is empty");
		err = -EINVAL;
	}
	if (err < 0)
		tree_free(b.root);
	else
		*ret = b.root;
	return err;
}
