/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zone files into content, for tests. */
#ifndef XNS_TEST_ZONEFILE_H
#define XNS_TEST_ZONEFILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libzscanner/scanner.h>

#include "store/content.h"

static inline void zonefile_record(zs_scanner_t *s)
{
	knot_rrset_t rr;

	knot_rrset_init(&rr, s->r_owner, s->r_type, s->r_class, s->r_ttl);
	if (knot_rrset_add_rdata(&rr, s->r_data, s->r_data_length, NULL) != 0)
		abort();
	if (content_add(s->process.data, &rr) != 0) {
		fprintf(stderr, "zone file, line %llu: not taken\n",
			(unsigned long long)s->line_counter);
		abort();
	}
	knot_rdataset_clear(&rr.rrs, NULL);
}

static inline void zonefile_error(zs_scanner_t *s)
{
	fprintf(stderr, "zone file, line %llu: %s\n", (unsigned long long)s->line_counter,
		zs_strerror(s->error.code));
}

/* Adds the records of zone file text (file NULL) or of a file (text NULL) to content; a mistake in
 * it ends the test. TTL default 3600. */
static inline void zonefile_add(struct content *content, const char *text, const char *file)
{
	knot_dname_txt_storage_t origin;
	zs_scanner_t *s = malloc(sizeof(*s));

	knot_dname_to_str(origin, content_apex(content), sizeof(origin));
	if (!s || zs_init(s, origin, KNOT_CLASS_IN, 3600) != 0 ||
	    (text ? zs_set_input_string(s, text, strlen(text)) : zs_set_input_file(s, file)) != 0 ||
	    zs_set_processing(s, zonefile_record, zonefile_error, content) != 0 ||
	    zs_parse_all(s) != 0 || s->error.counter > 0)
		abort();
	zs_deinit(s);
	free(s);
}

/* Content of a zone, not yet finished. */
static inline struct content *zonefile_content(const char *apex, const char *text, const char *file)
{
	knot_dname_storage_t name;
	struct content *content;

	if (!knot_dname_from_str(name, apex, sizeof(name)))
		abort();
	knot_dname_to_lower(name);
	content = content_new(name);
	if (!content)
		abort();
	zonefile_add(content, text, file);
	return content;
}

/* The same, finished; content that is refused ends the test. */
static inline struct content *zonefile_finished(const char *apex, const char *text,
						const char *file)
{
	struct content *content = zonefile_content(apex, text, file);
	char reason[256] = "";

	if (content_finish(content, reason, sizeof(reason)) != 0) {
		fprintf(stderr, "zone %s: %s\n", apex, reason);
		abort();
	}
	return content;
}

#endif
