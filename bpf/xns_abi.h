/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the XDP program and the agent share: keys and values of the pinned maps, limits, counters.
 * The only header that both sides include. Any change of a layout or of its meaning is a new
 * XNS_ABI_VERSION: the loader refuses to put a program on maps of another version.
 *
 * The maps, pinned under XNS_PIN_DIR by these names:
 *
 *   config        ARRAY[1], mmapable      struct xns_config
 *   listen        HASH                    struct xns_listen   → __u32 (1)
 *   zones         HASH  zone id           → struct xns_zone
 *   nodes         HASH  xns_name_key      → struct xns_node    what is served ("base")
 *   staged        HASH  xns_name_key      → struct xns_node    the change being published
 *   images_small  HASH  xns_image_key     → struct xns_image_small
 *   images_large  HASH  xns_image_key     → struct xns_image_large
 *   counters      PERCPU_ARRAY  enum xns_counter → __u64
 *   scratch       PERCPU_ARRAY[1]         private to the program
 *   grace         ARRAY_OF_MAPS[1] of grace_inner: writing its slot waits for all running programs
 *   grace_inner   ARRAY[1]  __u32         what lies in that slot
 *
 * A question is answered by one element of `nodes` (name → answers by type) and one of `zones`
 * (is the zone in force?). Answers too large for the node lie in an images map: one read more.
 *
 * How a zone goes from one serial to the next without a reply that mixes two of them:
 *
 *   1. config.staging = 1; the changed nodes are put in `staged`, deletions as tombstones, each
 *      with the number of the zone's *other* slot: they count for nothing as long as zone.current
 *      is not that slot. The new serial and SOA are written to that slot. Wait a grace period:
 *      every run now looks in `staged` first, and finds all of it.
 *   2. zone.current, one byte, is flipped: from here on the staged nodes count. Wait a grace
 *      period: no run goes by the old serial any more.
 *   3. The changes are copied to `nodes`, then the staged ones are deleted, and the old slot is
 *      cleared; config.staging = 0. Wait a grace period before anything is put in `staged` again.
 *
 * Zones that are not answered from (state loading) change without slots: their nodes in place,
 * their entry but for the state, a grace period, then the state.
 *
 * A run reads zone.current once for each zone and keeps to it. Elements of hash maps are recycled
 * without waiting for readers; the waits above are such that no run still holds an element that is
 * freed. Elements of `zones` are written in place (BPF_F_LOCK), never replaced.
 */
#ifndef XNS_ABI_H
#define XNS_ABI_H

#include <linux/types.h>
#include <linux/bpf.h> /* struct bpf_spin_lock */

#define XNS_ABI_VERSION 1
#define XNS_PIN_DIR	"/sys/fs/bpf/xnsd"
#define XNS_PROG_PIN	"program"

#define XNS_NAME_MAX	      255 /* bytes of a name on the wire, RFC 1035 §2.3.4 */
#define XNS_NAME_LABELS	      127 /* labels of a name, root not counted */
#define XNS_EDNS_SIZE_DEFAULT 1232
#define XNS_ZONE_TEXT	      128 /* a zone's name for people; longer ones are cut */

/* struct xns_config: the one element of `config`. The loader sets what is above the line. */
struct xns_config {
	__u32 abi_version;
	__u32 reserved;
	__u64 key[2]; /* SipHash key, random, made when the map is */
	/* ---- set by the agent ---- */
	__u16 max_udp_size; /* server.max-udp-size; host byte order; 512 to 4096 */
	__u8 staging;	    /* 1: look in `staged` before `nodes` */
	__u8 max_labels;    /* most labels of any name in `nodes`, never lowered while pinned */
	__u32 reserved2;
	__u64 store_uuid; /* the agent's database that zone ids and generations are of; 0: none yet
			   */
};

/* An address and port that is answered. IPv4 as ::ffff:a.b.c.d. Wire byte order. */
struct xns_listen {
	__u8 addr[16];
	__be16 port;
	__u16 zero;
};

/*
 * A name: SipHash-2-4 with 128 bits of output (xns_sip_*) over the lower-cased wire form, the final
 * root octet included. The low XNS_PAGE_BITS bits of hash[1] are the number of the page: what does
 * not fit in page 0 of a name goes on in page 1 (XNS_NODE_MORE), and so on.
 */
#define XNS_PAGE_BITS  5
#define XNS_NODE_PAGES (1 << XNS_PAGE_BITS)

struct xns_name_key {
	__u64 hash[2];
};

/* An answer outside of its node; the hash of (node key, type, head, bytes): equal content, equal
 * key. */
struct xns_image_key {
	__u64 hash[2];
};

/*
 * An image: the sections of a reply as they stand on the wire behind the question. Compression
 * pointers are right for the question that it was made for. `head` goes before the bytes and is not
 * counted in len and sum.
 */
struct xns_image_head {
	__u8 ancount;
	__u8 nscount;
	__u8 arcount;
	__u8 flags; /* XNS_IMAGE_* */
};

#define XNS_IMAGE_RCODE 0x0f /* mask: the reply's RCODE */
#define XNS_IMAGE_SOA	0x10 /* append the zone's SOA to the authority section */
#define XNS_IMAGE_NOAA	0x20 /* AA clear */

/* Sizes chosen so that an element fills an allocation of 512 or 2048 bytes in the kernel. */
#define XNS_IMAGE_SMALL_MAX 436
#define XNS_IMAGE_LARGE_MAX 1972

struct xns_image_small {
	struct xns_image_head head;
	__u8 bytes[XNS_IMAGE_SMALL_MAX];
};

struct xns_image_large {
	struct xns_image_head head;
	__u8 bytes[XNS_IMAGE_LARGE_MAX];
};

/* One type at a name. Entries of a node are in ascending order of type, over all its pages. */
struct xns_type {
	__u16 type; /* QTYPE, host byte order; 0: every type not listed but RRSIG and NSEC
		     * (names with a CNAME) */
	__u16 len;  /* bytes of the image, head not counted. With XNS_TYPE_PASS what the reply would
		     * need, so that TC=1 can be given at the interface; 0: not known */
	__u16 sum;  /* ones'-complement sum of the image's bytes as native-endian 16-bit words,
		     * folded,  as if it began at an even offset and were zero-padded to an even
		     * length */
	__u8 off;   /* where in data: XNS_TYPE_INLINE: head and bytes, else struct xns_image_key */
	__u8 flags; /* XNS_TYPE_* */
};

#define XNS_TYPE_INLINE 0x01 /* the image lies in the node */
#define XNS_TYPE_LARGE	0x02 /* not inline: it is in images_large, else in images_small */
#define XNS_TYPE_PASS	0x04 /* the stack answers this type, unless len is known not to fit */
#define XNS_TYPE_TRIM                                                                \
	0x08 /* has additional records that may be left out: when the whole does not \
	      * fit, the stack answers instead of TC=1 */

#define XNS_NODE_TYPES 4
#define XNS_NODE_DATA  80

/* A name that exists in a zone, empty non-terminals included (n_types 0). 120 bytes: 184 with the
 * kernel's part. */
struct xns_node {
	__u32 zone;   /* key of `zones` */
	__u8 flags;   /* XNS_NODE_* */
	__u8 n_types; /* entries of type[] in use on this page */
	__u8 slot;    /* `staged` only: counts when the zone's current is this */
	__u8 labels;  /* of the name, root not counted: an identity check after copying */
	struct xns_type type[XNS_NODE_TYPES];
	__u8 data[XNS_NODE_DATA];
};

#define XNS_NODE_MORE	  0x01 /* there is a next page */
#define XNS_NODE_CNAME	  0x02 /* has a CNAME: type 0 answers what is not listed */
#define XNS_NODE_CUT	  0x04 /* delegation: nothing at or below it is authoritative but DS */
#define XNS_NODE_DNAME	  0x08 /* redirects everything below it */
#define XNS_NODE_WILDCARD 0x10 /* *.NAME exists: what is not there below it is no NXDOMAIN */
#define XNS_NODE_PASS	  0x20 /* the stack answers everything at this name */
#define XNS_NODE_GONE	  0x80 /* `staged` only: tombstone, the new serial has no such name */

enum xns_zone_state {
	XNS_ZONE_LOADING, /* held, but the maps do not have (all of) it: the stack answers */
	XNS_ZONE_ACTIVE,
	XNS_ZONE_EXPIRED, /* RFC 1035 §3.3.13: the stack answers SERVFAIL */
};

/*
 * The SOA for negative answers (RFC 2308 §3: TTL already min(TTL, MINIMUM)), an image in
 * images_small or images_large made for the question "apex": owner, then perhaps MNAME and RNAME,
 * are pointers into the question. For a question of another length each pointer grows by (length of
 * QNAME − length of apex).
 */
struct xns_soa {
	__u64 hash[2]; /* key of the image */
	__u16 len;     /* bytes; above XNS_IMAGE_SMALL_MAX it is in images_large. 0: none, the stack
			  answers */
	__u16 sum;     /* as xns_type.sum */
	__u16 pointer[3]; /* byte offsets in the image of its pointers */
	__u16 n_pointers;
	__u32 serial;
};

/* A zone. Hot fields first. */
struct xns_zone {
	struct bpf_spin_lock lock; /* of BPF_F_LOCK; readers do not take it */
	__u8 current;		   /* the slot in force */
	__u8 flags;		   /* XNS_ZONE_F_* */
	__u8 apex_len;		   /* bytes of the apex on the wire */
	__u8 reserved;
	enum xns_zone_state state;
	__u32 reserved2;
	__u64 deadline_ns;	  /* SOA expire: not answered from this CLOCK_BOOTTIME on */
	struct xns_soa soa[2];	  /* by slot */
	__u64 generation;	  /* of the agent's store: which version of the content this is */
	char name[XNS_ZONE_TEXT]; /* presentation form, NUL-terminated */
};

#define XNS_ZONE_F_COMPLETE 0x01 /* every name is in the maps: negative answers may be given */
#define XNS_ZONE_F_SIGNED   0x02 /* questions with DO=1 are for the stack */

/* Every packet that the program sees ends in exactly one of these. Append only; text in
 * xns_counter_names. */
#define XNS_COUNTERS(X)                                                                        \
	X(ANSWER_POSITIVE, "answer-positive", "answers with data, CNAME chains included")      \
	X(ANSWER_NODATA, "answer-nodata", "the name exists, the type does not")                \
	X(ANSWER_NXDOMAIN, "answer-nxdomain", "the name does not exist")                       \
	X(ANSWER_TRUNCATED, "answer-truncated", "TC=1: the answer did not fit")                \
	X(ANSWER_BADVERS, "answer-badvers", "EDNS version above 0")                            \
	X(PASS_NOT_OURS, "pass-not-ours", "not UDP to a listen address and port")              \
	X(PASS_FRAGMENT, "pass-fragment", "an IP fragment")                                    \
	X(PASS_IP_OPTION, "pass-ip-option", "IPv4 options or an IPv6 extension header")        \
	X(PASS_SOURCE, "pass-source",                                                          \
	  "a source that is not to be answered: multicast, broadcast, unspecified, port 0")    \
	X(PASS_MALFORMED, "pass-malformed", "not a well-formed query")                         \
	X(PASS_HEADER, "pass-header",                                                          \
	  "QR=1, another opcode, unusual header bits, not one question, records in the query") \
	X(PASS_TSIG, "pass-tsig", "the query is signed, or has records other than OPT")        \
	X(PASS_CLASS, "pass-class", "a class other than IN")                                   \
	X(PASS_TYPE, "pass-type", "AXFR, IXFR, ANY or another meta type")                      \
	X(PASS_LONG, "pass-long", "the query is longer than the program reads")                \
	X(PASS_NO_ZONE, "pass-no-zone", "the name is in no zone that is held")                 \
	X(PASS_NOT_READY, "pass-not-ready", "the zone is not (all) in the maps")               \
	X(PASS_EXPIRED, "pass-expired", "the zone has expired")                                \
	X(PASS_REFERRAL, "pass-referral", "at or below a delegation")                          \
	X(PASS_WILDCARD, "pass-wildcard", "a wildcard may match")                              \
	X(PASS_DNAME, "pass-dname", "below a DNAME")                                           \
	X(PASS_DNSSEC, "pass-dnssec", "DO=1 in a signed zone")                                 \
	X(PASS_NODE, "pass-node", "the agent marked this name or type for the stack")          \
	X(PASS_CHANGING, "pass-changing", "the maps changed under the look-up")                \
	X(PASS_NO_ROOM, "pass-no-room",                                                        \
	  "no room for the reply at the tail or the head of the packet")                       \
	X(PASS_INTERNAL, "pass-internal", "a helper or map failed; should be zero")            \
	X(DROP_WRITE, "drop-write",                                                            \
	  "the reply could not be written after the resize; should be zero")

enum xns_counter {
#define X(id, name, text) XNS_##id,
	XNS_COUNTERS(X)
#undef X
	XNS_COUNTER_COUNT,
};

/*
 * SipHash-2-4, 128-bit output (https://www.aumasson.jp/siphash). The two sides run their own loops:
 * init, one word for each 8 bytes (little-endian), the last word with the remaining bytes and the
 * length's low byte at the top, final.
 */
struct xns_sip {
	__u64 v0, v1, v2, v3;
};

#define XNS_ROTL64(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static inline __attribute__((always_inline)) void xns_sip_round(struct xns_sip *s)
{
	s->v0 += s->v1;
	s->v1 = XNS_ROTL64(s->v1, 13) ^ s->v0;
	s->v0 = XNS_ROTL64(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = XNS_ROTL64(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = XNS_ROTL64(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = XNS_ROTL64(s->v1, 17) ^ s->v2;
	s->v2 = XNS_ROTL64(s->v2, 32);
}

static inline __attribute__((always_inline)) void xns_sip_init(struct xns_sip *s,
							       const __u64 key[2])
{
	s->v0 = 0x736f6d6570736575ULL ^ key[0];
	s->v1 = 0x646f72616e646f6dULL ^ key[1] ^ 0xee;
	s->v2 = 0x6c7967656e657261ULL ^ key[0];
	s->v3 = 0x7465646279746573ULL ^ key[1];
}

static inline __attribute__((always_inline)) void xns_sip_word(struct xns_sip *s, __u64 word)
{
	s->v3 ^= word;
	xns_sip_round(s);
	xns_sip_round(s);
	s->v0 ^= word;
}

static inline __attribute__((always_inline)) void xns_sip_final(struct xns_sip *s, __u64 out[2])
{
	s->v2 ^= 0xee;
	xns_sip_round(s);
	xns_sip_round(s);
	xns_sip_round(s);
	xns_sip_round(s);
	out[0] = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
	s->v1 ^= 0xdd;
	xns_sip_round(s);
	xns_sip_round(s);
	xns_sip_round(s);
	xns_sip_round(s);
	out[1] = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#define XNS_NODE_KERNEL_PART 64 /* struct htab_elem and the key */
_Static_assert(sizeof(struct xns_config) == 40, "config");
_Static_assert(sizeof(struct xns_listen) == 20, "listen");
_Static_assert(sizeof(struct xns_type) == 8, "type");
_Static_assert(sizeof(struct xns_node) == 120, "node: 192-byte allocations");
_Static_assert(sizeof(struct xns_image_small) + XNS_NODE_KERNEL_PART == 512 - 8,
	       "512-byte allocations");
_Static_assert(sizeof(struct xns_image_large) + XNS_NODE_KERNEL_PART == 2048 - 8,
	       "2048-byte allocations");
_Static_assert(sizeof(struct xns_soa) == 32, "soa");
_Static_assert(sizeof(struct xns_zone) == 24 + 64 + 8 + XNS_ZONE_TEXT, "zone");
_Static_assert(XNS_IMAGE_SMALL_MAX % 4 == 0 && XNS_IMAGE_LARGE_MAX % 4 == 0,
	       "sums are over whole words");

#endif
