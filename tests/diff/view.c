// SPDX-License-Identifier: GPL-3.0-or-later
#include "view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <libknot/libknot.h>

#define OPTION_NSID 3
#define FNV_START   0xcbf29ce484222325ULL

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	return hash;
}

/* Of which sums can be taken: every bit depends on every bit (splitmix64). */
static uint64_t mix(uint64_t hash)
{
	hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
	hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
	return hash ^ (hash >> 31);
}

static uint64_t hash_name(const knot_dname_t *name)
{
	knot_dname_storage_t lower;

	knot_dname_copy_lower(lower, name);
	return mix(hash_bytes(FNV_START, lower, knot_dname_size(lower)));
}

/* SVCB and HTTPS: the target is a name (RFC 9460 §2.2), which libknot does not know here. */
static uint64_t hash_rdata(uint64_t hash, uint16_t type, const knot_rdata_t *rdata)
{
	knot_dname_storage_t target;
	size_t len;

	hash = hash_bytes(hash, &rdata->len, sizeof(rdata->len));
	if ((type != 64 && type != 65) || rdata->len < 3 ||
	    knot_dname_wire_check(rdata->data + 2, rdata->data + rdata->len, NULL) <= 0)
		return hash_bytes(hash, rdata->data, rdata->len);
	knot_dname_copy_lower(target, rdata->data + 2);
	len = knot_dname_size(target);
	hash = hash_bytes(hash, rdata->data, 2);
	hash = hash_bytes(hash, target, len);
	return hash_bytes(hash, rdata->data + 2 + len, rdata->len - 2 - len);
}

static struct view_record record_of(const knot_rrset_t *rr)
{
	struct view_record record = {.type = rr->type,
				     .owner = hash_name(rr->owner),
				     .owner_len = knot_dname_size(rr->owner),
				     .owner_labels = knot_dname_labels(rr->owner, NULL)};
	uint64_t hash = record.owner;

	hash = hash_bytes(hash, &rr->type, sizeof(rr->type));
	hash = hash_bytes(hash, &rr->rclass, sizeof(rr->rclass));
	hash = hash_bytes(hash, &rr->ttl, sizeof(rr->ttl));
	record.hash = mix(hash_rdata(hash, rr->type, rr->rrs.rdata));
	if (rr->type == KNOT_RRTYPE_RRSIG)
		record.sig_labels = knot_rrsig_labels(rr->rrs.rdata);
	return record;
}

static int by_hash(const void *a, const void *b)
{
	const struct view_record *one = a, *other = b;

	return (one->hash > other->hash) - (one->hash < other->hash);
}

/*
 * NS of the zone's top, and its signatures, in the authority section of an answer with data: some
 * servers add them, some do not. RFC 1034 §4.3.2 does not ask for them.
 */
static bool is_extra_ns(const struct query *query, const knot_pkt_t *pkt, const knot_rrset_t *rr)
{
	knot_dname_storage_t apex;

	if (query->head.apex == CORPUS_NO_APEX || !knot_wire_get_aa(pkt->wire) ||
	    knot_wire_get_ancount(pkt->wire) == 0 ||
	    (rr->type != KNOT_RRTYPE_NS &&
	     (rr->type != KNOT_RRTYPE_RRSIG ||
	      knot_rrsig_type_covered(rr->rrs.rdata) != KNOT_RRTYPE_NS)))
		return false;
	knot_dname_copy_lower(apex, query->wire + 12 + query->head.apex);
	return knot_dname_is_case_equal(apex, rr->owner);
}

static void take_section(struct view *view, const struct query *query, const knot_pkt_t *pkt,
			 enum view_section id, unsigned *used)
{
	static const knot_section_t sections[] = {KNOT_ANSWER, KNOT_AUTHORITY, KNOT_ADDITIONAL};
	const knot_pktsection_t *section = knot_pkt_section(pkt, sections[id]);
	struct view_set *set = &view->set[id];

	*set = (struct view_set){.record = view->records + *used};
	for (uint16_t i = 0; i < section->count; i++) {
		const knot_rrset_t *rr = knot_pkt_rr(section, i);

		if (rr->type == KNOT_RRTYPE_OPT)
			continue;
		if (id == VIEW_AUTHORITY && is_extra_ns(query, pkt, rr))
			continue;
		set->record[set->n++] = record_of(rr);
	}
	qsort(set->record, set->n, sizeof(*set->record), by_hash);
	for (unsigned i = 1; i < set->n; i++)
		view->twice |= set->record[i].hash == set->record[i - 1].hash;
	*used += set->n;
}

static uint64_t hash_edns(const knot_rrset_t *opt)
{
	uint8_t said[2] = {knot_edns_get_version(opt), knot_edns_do(opt)};
	uint8_t *nsid = knot_edns_get_option(opt, OPTION_NSID, NULL);
	uint64_t hash = hash_bytes(FNV_START, said, sizeof(said));

	if (nsid)
		hash = hash_bytes(hash, knot_edns_opt_get_data(nsid),
				  knot_edns_opt_get_length(nsid));
	return hash;
}

static int take_message(struct view *view, const struct query *query, const knot_pkt_t *pkt)
{
	unsigned used = 0;

	if (pkt->rrset_count > view->room) {
		struct view_record *more = realloc(view->records, pkt->rrset_count * sizeof(*more));

		if (!more)
			return -ENOMEM;
		view->records = more;
		view->room = pkt->rrset_count;
	}
	view->parsed = true;
	view->rcode = knot_pkt_ext_rcode(pkt);
	view->edns = pkt->opt_rr ? hash_edns(pkt->opt_rr) : 0;
	for (int i = 0; i < VIEW_SECTIONS; i++)
		take_section(view, query, pkt, i, &used);
	return 0;
}

int view_make(struct view *view, const struct query *query, const struct reply *reply)
{
	knot_pkt_t *pkt;
	size_t question;
	int err = 0;

	if (view->made)
		return 0;
	view->made = true;
	view->there = reply->wire != NULL;
	view->qname = hash_name(query->wire + 12);
	if (!view->there)
		return 0;
	pkt = knot_pkt_new((void *)reply->wire, reply->len, NULL);
	if (!pkt)
		return -ENOMEM;
	view->len = reply->len;
	view->flags = (reply->wire[2] << 8 | reply->wire[3]) & 0xfff0;
	question = knot_wire_get_qdcount(reply->wire) == 1 ? query_name_len(query) + 4 : 0;
	if (12 + question <= reply->len)
		view->question = hash_bytes(FNV_START, reply->wire + 12, question);
	if (knot_pkt_parse(pkt, KNOT_PF_KEEPWIRE) == KNOT_EOK)
		err = take_message(view, query, pkt);
	knot_pkt_free(pkt);
	return err;
}

void view_reset(struct view *view)
{
	*view = (struct view){.records = view->records, .room = view->room};
}

void view_free(struct view *view)
{
	free(view->records);
	*view = (struct view){0};
}

uint64_t view_set_hash(const struct view_set *set)
{
	uint64_t sum = set->n;

	for (unsigned i = 0; i < set->n; i++)
		sum += set->record[i].hash;
	return sum;
}

bool view_set_has(const struct view_set *set, uint64_t hash)
{
	const struct view_record key = {.hash = hash};

	return set->n > 0 && bsearch(&key, set->record, set->n, sizeof(key), by_hash);
}

bool view_set_has_type(const struct view_set *set, uint16_t type)
{
	for (unsigned i = 0; i < set->n; i++) {
		if (set->record[i].type == type)
			return true;
	}
	return false;
}

/* The generator writes OPT as the only record, directly behind the question. */
void query_edns(const struct query *query, uint16_t *ret_size, bool *ret_do)
{
	size_t at = 12 + query_name_len(query) + 4;
	const uint8_t *opt = query->wire + at;
	bool has = query->wire[11] == 1 && query->head.len >= at + 11;

	*ret_size = has ? opt[3] << 8 | opt[4] : 0;
	*ret_do = has && (opt[7] & 0x80);
}
