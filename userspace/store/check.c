// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/key.h"

/* Room that a message of 65535 bytes leaves beside header and question (RFC 1035 §4.1). */
#define ROOM(qname_len) (65535 - 12 - (qname_len) - 4)
#define RR_FIXED	(2 + 10) /* owner as a pointer; type, class, TTL, length */

/* One block of a type's descriptor at data: its length, or negative. */
static int block_len(int block, const uint8_t *data, const uint8_t *end)
{
	switch (block) {
	case KNOT_RDATA_WF_FIXED_DNAME:
	case KNOT_RDATA_WF_COMPRESSIBLE_DNAME:
	case KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME:
		return knot_dname_wire_check(data, end, NULL);
	case KNOT_RDATA_WF_NAPTR_HEADER:
		return knot_naptr_header_size(data, end);
	case KNOT_RDATA_WF_REMAINDER:
		return end - data;
	default:
		return block <= end - data ? block : -EBADMSG;
	}
}

/* RFC 9460 §2.2: priority, target (never compressed), parameters. libknot 3.2 knows only bytes
 * here, but the target is followed (additional records, references). */
static bool check_svcb(const uint8_t *data, const uint8_t *end)
{
	return end - data > 2 && knot_dname_wire_check(data + 2, end, NULL) > 0;
}

bool check_rdata(uint16_t type, const uint8_t *data, size_t len)
{
	const knot_rdata_descriptor_t *form = knot_get_rdata_descriptor(type);
	const uint8_t *const start = data, *const end = data + len;

	/* RFC 6895 §3.1: 128 to 255 are QTYPEs and meta-TYPEs */
	if (type == 0 || type == KNOT_RRTYPE_OPT || (type >= 128 && type <= 255))
		return false;
	if (!form->type_name) /* libknot takes the names in these to lower case, too */
		form = knot_get_obsolete_rdata_descriptor(type);
	for (const int *block = form->block_types; *block != KNOT_RDATA_WF_END; block++) {
		int used = block_len(*block, data, end);

		if (used < 0)
			return false;
		data += used;
	}
	if (type == KNOT_RRTYPE_SVCB || type == KNOT_RRTYPE_HTTPS)
		return data == end && check_svcb(start, end);
	if (type == KNOT_RRTYPE_NSEC3) { /* RFC 5155 §3.2: four fixed bytes, salt and hash with a
					    length octet each */
		size_t hash_at = 4 + (len > 4 ? (size_t)1 + start[4] : len);

		return len > hash_at && len >= hash_at + 1 + start[hash_at];
	}
	return data == end;
}

__attribute__((format(printf, 3, 4))) static int refuse(struct check *check,
							const struct node *node, const char *fmt,
							...)
{
	knot_dname_txt_storage_t text = "?";
	knot_dname_storage_t name;
	va_list args;
	int n = 0;

	if (key_to_name(node->key, node->key_len, name) > 0)
		knot_dname_to_str(text, name, sizeof(text));
	if (check->reason_len > 0) {
		n = snprintf(check->reason, check->reason_len, "%s: ", text);
		if (n >= 0 && (size_t)n < check->reason_len) {
			va_start(args, fmt);
			vsnprintf(check->reason + n, check->reason_len - n, fmt, args);
			va_end(args);
		}
	}
	return -EINVAL;
}

/* Can a message carry it? The signatures of each type are an RRset of their own, but libknot counts
 * them in 16 bits. */
static int check_size(struct check *check, const struct node *node, const struct record *first)
{
	size_t room = ROOM(node->key_len + 2), len = 0,
	       n = 0; /* a name is never longer than its key and 2 */
	uint16_t covered = 0;
	bool sig = first->type == KNOT_RRTYPE_RRSIG;
	char type[32] = "";

	for (const struct record *r = first; r && r->type == first->type; r = r->next, n++) {
		if (sig && knot_rrsig_type_covered(&r->rdata) != covered) {
			covered = knot_rrsig_type_covered(&r->rdata);
			len = 0;
		}
		len += RR_FIXED + r->rdata.len;
		if (len > room || n == UINT16_MAX) {
			knot_rrtype_to_string(first->type, type, sizeof(type));
			return refuse(check, node,
				      "the records of type %s are more than a message can carry",
				      type);
		}
	}
	return 0;
}

static int check_type(struct check *check, const struct node *node, const struct record *first,
		      bool apex)
{
	bool single = node_rrset_end(first) == first;

	switch (first->type) {
	case KNOT_RRTYPE_SOA:
		if (!apex)
			return refuse(check, node, "SOA below the apex");
		if (!single)
			return refuse(check, node, "more than one SOA");
		check->soa = true;
		check->serial = knot_soa_serial(&first->rdata);
		break;
	case KNOT_RRTYPE_NS:
		check->ns |= apex;
		break;
	case KNOT_RRTYPE_CNAME:
		if (!single)
			return refuse(check, node, "more than one CNAME (RFC 2181 §10.1)");
		break;
	case KNOT_RRTYPE_DNAME:
		if (!single)
			return refuse(check, node, "more than one DNAME (RFC 6672 §2.4)");
		break;
	}
	return check_size(check, node, first);
}

int check_node(struct check *check, const struct node *node)
{
	const bool apex = !node->nsec3 && node->key_len == check->apex_key_len;
	bool cname = false, dname = false, ns = false, other = false;
	int ret;

	for (const struct record *r = node->first; r; r = node_rrset_end(r)->next) {
		cname |= r->type == KNOT_RRTYPE_CNAME;
		dname |= r->type == KNOT_RRTYPE_DNAME;
		ns |= r->type == KNOT_RRTYPE_NS;
		other |= r->type != KNOT_RRTYPE_CNAME && r->type != KNOT_RRTYPE_RRSIG &&
			 r->type != KNOT_RRTYPE_NSEC;
		ret = check_type(check, node, r, apex);
		if (ret < 0)
			return ret;
	}
	if (cname && other)
		return refuse(check, node, "CNAME beside other data (RFC 1034 §3.6.2)");
	if (dname && ns && !apex)
		return refuse(check, node, "DNAME beside NS below the apex (RFC 6672 §2.3)");
	return 0;
}

bool check_is_below(const struct node *node, const struct node *above)
{
	return !node->nsec3 && !above->nsec3 && node->key_len > above->key_len &&
	       memcmp(node->key, above->key, above->key_len) == 0;
}

int check_below_dname(struct check *check, const struct node *node, const struct node *above)
{
	knot_dname_txt_storage_t text = "?";
	knot_dname_storage_t name;

	if (key_to_name(above->key, above->key_len, name) > 0)
		knot_dname_to_str(text, name, sizeof(text));
	return refuse(check, node, "below the DNAME of %s (RFC 6672 §2.4)", text);
}

int check_end(struct check *check, const knot_dname_t *apex)
{
	knot_dname_txt_storage_t text;

	if (check->soa && check->ns)
		return 0;
	if (check->reason_len > 0)
		snprintf(check->reason, check->reason_len, "%s: no %s at the apex",
			 knot_dname_to_str(text, apex, sizeof(text)), check->soa ? "NS" : "SOA");
	return -EINVAL;
}
