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
 *   nodes         SEGMENTS  xns_name_key  → struct xns_node    what is served ("base")
 *   staged        SEGMENTS  xns_name_key  → struct xns_node    the change being published
 *   images_tiny   SEGMENTS  xns_image_key → struct xns_image_tiny
 *   images_small  SEGMENTS  xns_image_key → struct xns_image_small
 *   images_large  SEGMENTS  xns_image_key → struct xns_image_large
 *   order         SEGMENTS  xns_image_key → struct xns_order      the names that deny, in order
 *   filter        ARRAY, mmapable         __u64: which names there may be (struct xns_filter)
 *   counters      PERCPU_ARRAY  enum xns_counter → __u64
 *   scratch       PERCPU_ARRAY[1]         private to the program
 *   grace         ARRAY_OF_MAPS[1] of grace_inner: writing its slot waits for all running programs
 *   grace_inner   ARRAY[1]  __u32         what lies in that slot
 *
 * SEGMENTS: an ARRAY_OF_MAPS of XNS_SEGMENTS hash maps, each with its part of the keys
 * (xns_segment) and pinned as XNS_SEGMENT_DIR/MAP_NUMBER, as segments/nodes_3. A segment grows by
 * itself: a larger one with the same elements is put in its slot. Readers find either; nothing is
 * written to a segment while its larger one is being filled.
 *
 * A question is answered by one element of `nodes` (name → answers by type) and one of `zones`
 * (is the zone in force?). Answers too large for the node lie in an images map: one read more.
 *
 * A reply is put together from parts, each of them an image (below):
 *
 *     question | answer, authority | CNAME, answer | SOA | proofs | additional | OPT
 *               `-- main image ----'                              `-- main --'
 *
 *   - the main image: of the name's node; of the wildcard's; of the delegation's or DNAME's. A
 *     negative answer has none.
 *   - below a DNAME: the CNAME that the run makes (RFC 6672 §3.1), and the image of the name that
 * it leads to.
 *   - the zone's SOA, if the answer is negative; with DO=1 and its signatures.
 *   - the proofs, with DO=1 in a signed zone: NSEC or NSEC3 records that are found by the name that
 *     they have to match or cover, in the zone's order (struct xns_order).
 *
 * How a zone goes from one serial to the next without a reply that mixes two of them:
 *
 *   1. config.staging = 1; the changed nodes are put in `staged`, deletions as tombstones, each
 *      with the number of the zone's *other* slot: they count for nothing as long as zone.current
 *      is not that slot. The new version (serial, SOA, order) is written to that slot; what is new
 *      of its images and pages of the order has been put in their maps. Wait a grace period:
 *      every run now looks in `staged` first, and finds all of it.
 *   2. zone.current, one byte, is flipped: from here on the staged nodes count. Wait a grace
 *      period: no run goes by the old serial any more.
 *   3. The changes are copied to `nodes`, then the staged ones are deleted, the old slot is
 *      cleared, the images and pages that only it had are deleted; config.staging = 0. Wait a
 *      grace period before anything is put in `staged` again.
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

#define XNS_ABI_VERSION 6
#define XNS_PIN_DIR	"/sys/fs/bpf/xnsd"
#define XNS_PROG_PIN	"program"
#define XNS_SEGMENT_DIR "segments"

#define XNS_NAME_MAX	      255 /* bytes of a name on the wire, RFC 1035 §2.3.4 */
#define XNS_NAME_LABELS	      127 /* labels of a name, root not counted */
#define XNS_EDNS_SIZE_DEFAULT 1232
#define XNS_ZONE_TEXT	      128 /* a zone's name for people; longer ones are cut */
#define XNS_NSID_MAX	      128
#define XNS_SALT_MAX	      64 /* of NSEC3; zones with a longer one are for the stack */

/*
 * Keys of the hashes, made of random bytes when the map is (image_key_make() of the agent).
 *
 * Content is hashed by SipHash with `sip`. Names are hashed by what is several times as fast
 * (multilinear hashing, Lemire and Kaser, "Strongly universal string hashing is fast", 2014): of a
 * name as little-endian words w[0] to w[n-1], zero-padded, each output is the upper half of
 *
 *	end[n-1] + sum of (a[i] + low half of w[i]) * (b[i] + high half of w[i])   modulo 2^64
 *
 * with keys of its own. Whoever does not see keys or hashes finds no two names with the same 32
 * bits but by chance, 1 in 2^32; with four outputs 1 in 2^128.
 */
#define XNS_NAME_WORDS ((XNS_NAME_MAX + 7) / 8)
#define XNS_HASHES     4

struct xns_key {
	__u64 sip[2];
	__u64 end[XNS_NAME_WORDS][XNS_HASHES];
	struct {
		__u64 a[XNS_HASHES], b[XNS_HASHES];
	} word[XNS_NAME_WORDS];
};

/*
 * Which names may be in `nodes` or `staged`: a Bloom filter, in which a name has two bits of one
 * word (xns_filter_bits). So most names that are not there, as a flood of random ones asks for,
 * cost a look at a table that is a hundredth of `nodes`, and a cache can hold. The bits are set
 * before the name is put; they stay when it goes, until the filter is made anew.
 *
 * `filter` has room for two: one is in force, the other is for the next. 8 bytes, read and written
 * at once.
 */
#define XNS_FILTER_WORDS (1U << 17) /* of one: a million names have 8 bits each */

struct xns_filter {
	__u32 begin; /* its first word in `filter` */
	__u32 words; /* a power of two; 0: there is none, any name may be there */
};

/* struct xns_config: the one element of `config`. The loader sets what is above the line. */
struct xns_config {
	__u32 abi_version;
	__u32 reserved;
	struct xns_key key;
	/* ---- set by the agent ---- */
	__u16 max_udp_size; /* server.max-udp-size; host byte order; 512 to 4096 */
	__u8 staging;	    /* 1: look in `staged` before `nodes` */
	__u8 max_labels;    /* most labels of any name in `nodes`, never lowered while pinned */
	__u32 reserved2;
	__u64 store_uuid; /* the agent's database that zone ids and generations are of; 0: none */
	__u16 nsid_len;	  /* server.nsid, RFC 5001; 0: none. Set last, cleared first */
	__u8 nsid[XNS_NSID_MAX];
	__u8 reserved3[6];
	struct xns_filter filter __attribute__((aligned(8)));
};

/* An address and port that is answered. IPv4 as ::ffff:a.b.c.d. Wire byte order. */
struct xns_listen {
	__u8 addr[16];
	__be16 port;
	__u16 zero;
};

/*
 * A name: 128 bits of hash (struct xns_key) over the lower-cased wire form, the final root octet
 * included. The low XNS_PAGE_BITS bits of hash[1] are the number of the page: what does
 * not fit in page 0 of a name goes on in page 1 (XNS_NODE_MORE), and so on.
 */
#define XNS_PAGE_BITS  5
#define XNS_NODE_PAGES (1 << XNS_PAGE_BITS)

struct xns_name_key {
	__u64 hash[2];
};

/* In the filter: the word, of those that it has, and the bits. All pages of a name have the same.
 */
static inline __attribute__((always_inline)) __u32 xns_filter_word(__u64 hash0, __u32 words)
{
	return hash0 & (words - 1);
}

static inline __attribute__((always_inline)) __u64 xns_filter_bits(__u64 hash1)
{
	return 1ULL << (hash1 >> 58) | 1ULL << (hash1 >> 52 & 63);
}

/*
 * The segment of a key: from its first word, which all pages of a name and its images begin with.
 * XNS_KEY_ABOVE and XNS_KEY_ZONE, below, leave these bits alone.
 */
#define XNS_SEGMENT_BITS 4
#define XNS_SEGMENTS	 (1 << XNS_SEGMENT_BITS)

static inline __attribute__((always_inline)) __u32 xns_segment(__u64 word)
{
	return word >> (64 - XNS_SEGMENT_BITS);
}

/*
 * DS at the apex of a zone is answered by the zone above (RFC 4035 §3.1.4.1). Where both are held
 * the zone above has its node for that name, with nothing but DS, under the name's key with this
 * XORed to hash[0]. It is looked at where the node under the name's own key is its zone's apex.
 */
#define XNS_KEY_ABOVE 0x61626f7665ULL

/*
 * An image outside of its node, or a page of the order. `content` is a hash of all that it holds,
 * the head included: equal content, equal key, so that nothing has to be numbered and what did not
 * change stays. The low XNS_CLASS_BITS bits of an image's content say which map it is in.
 */
struct xns_image_key {
	__u64 owner; /* node's images: hash[0] of its key; the SOA: hash[0] of the apex's key, XOR
		      * XNS_KEY_ZONE; pages: more of the hash of what they hold */
	__u64 content;
};

#define XNS_KEY_ZONE   0x7a6f6e65ULL
#define XNS_CLASS_BITS 2
enum xns_class {
	XNS_CLASS_TINY,
	XNS_CLASS_SMALL,
	XNS_CLASS_LARGE,
};

/*
 * An image: sections of a reply as they stand on the wire. Compression pointers are right where it
 * was made for: behind the question for which it was made. Used elsewhere, they are moved; see
 * struct xns_image_layout. The head goes where the image is referred to: in the node, in the zone;
 * of a proof before it.
 */
struct xns_image_head {
	__u8 ancount;
	__u8 nscount;
	__u8 arcount;
	__u8 flags; /* XNS_IMAGE_* */
	__u16 len; /* bytes. With XNS_TYPE_PASS what the reply would need, so that TC=1 can be given
		    * at the interface; 0: not known */
	__u16 sum; /* ones'-complement sum of the bytes as native-endian 16-bit words, folded, as if
		    * they began at an even offset and were zero-padded to an even length. Where
		    * there is a layout: only of those before the additional section */
};

#define XNS_IMAGE_RCODE	 0x0f /* mask: the reply's RCODE */
#define XNS_IMAGE_SOA	 0x10 /* append the zone's SOA to the authority section */
#define XNS_IMAGE_NOAA	 0x20 /* AA clear */
#define XNS_IMAGE_LAYOUT 0x40 /* inline: struct xns_image_layout goes before the bytes */
#define XNS_IMAGE_PROVE                                                              \
	0x80 /* DO=1: with proofs of another name than QNAME: that there is no DS at \
	      * the delegation; or of layout's target, where a chain ends */

/*
 * How an image is taken apart and moved. Outside of nodes always there; inline where the image
 * has XNS_IMAGE_LAYOUT. Behind the bytes, at the next even offset from their beginning:
 * n_pointers of __u16, ascending: where in the bytes a compression pointer stands that is not
 * right everywhere. Behind those: target_len bytes of a name on the wire: of a chain that ends in
 * something to prove, lower case; of a DNAME what it leads to, as the zone spells it.
 *
 * What a pointer grows by:
 *   - without XNS_POINTER_OWN, it leads into the question or to what is before the additional
 *     section: by (length of QNAME - length of the name for which the image was made). That name
 *     is, of a node's image, the node's (of a wildcard's node "*." and the closest encloser);
 *     of SOA and proofs, the apex.
 *   - with XNS_POINTER_OWN, in a node's image, it leads into the additional section: as above, and
 *     by what was put in before that. In SOA and proofs it leads into the image itself, and is
 *     made for an image at offset 0 of the message: by where the image comes to stand.
 * Not listed are pointers to the beginning of QNAME (12) that are right for every QNAME: those of
 * exact names' images, and a wildcard's owners. A wildcard's image is made so that it has no other
 * that lead there. A delegation's image (type 0) and a DNAME's (type 39), which are for the names
 * below as well, list all of theirs. A wildcard that has a DNAME counts as an exact name.
 */
struct xns_image_layout {
	__u16 additional; /* where in the bytes the additional section begins; len: none there */
	__u16 additional_sum; /* of the bytes from there on */
	__u8 n_pointers;
	__u8 target_len;
	__u16 reserved;
};

#define XNS_POINTER_OWN	 0x8000
#define XNS_POINTERS_MAX 96 /* images that would need more are for the stack */

/* Sizes chosen so that an element fills an allocation of 256, 512 or 2048 bytes in the kernel. */
#define XNS_IMAGE_TINY_MAX  176
#define XNS_IMAGE_SMALL_MAX 432
#define XNS_IMAGE_LARGE_MAX 1968

struct xns_image_tiny {
	struct xns_image_layout layout;
	__u8 bytes[XNS_IMAGE_TINY_MAX]; /* pointers and target included */
};

struct xns_image_small {
	struct xns_image_layout layout;
	__u8 bytes[XNS_IMAGE_SMALL_MAX];
};

struct xns_image_large {
	struct xns_image_layout layout;
	__u8 bytes[XNS_IMAGE_LARGE_MAX];
};

/* An image that is referred to from a zone. */
struct xns_ref {
	struct xns_image_head head; /* len 0: none */
	struct xns_image_key key;
};

/*
 * One type at a name. Entries stand in ascending order of type over all the pages of a node; for
 * one type, the one for DO=1 goes before the other. Where there is none for DO=1, the other serves
 * both.
 *
 * type 0: every type that has no entry of its own, but at a name with a CNAME RRSIG and NSEC, at a
 * delegation DS (if QNAME is the delegation's name): what is not listed of these is not there.
 *
 * off: a multiple of 8. XNS_TYPE_INLINE: the head, the layout if there is one, the bytes and
 * what goes with a layout. XNS_TYPE_PASS: the head. Else: the head and xns_image_key.content (its
 * owner is hash[0] of the node's key).
 *
 * What types have begins behind the entries in use (xns_node_begin): where there are fewer than
 * XNS_NODE_TYPES, the room of the others is for it too.
 */
struct xns_type {
	__u16 type; /* QTYPE, host byte order */
	__u8 off;   /* where in the node */
	__u8 flags; /* XNS_TYPE_* */
};

#define XNS_TYPE_INLINE 0x01 /* the image lies in the node */
#define XNS_TYPE_PASS	0x02 /* the stack answers this type, unless len is known not to fit */
#define XNS_TYPE_TRIM                                                                          \
	0x04		 /* has additional records that may be left out: if the whole does not \
			  * fit, the stack answers instead of TC=1 */
#define XNS_TYPE_DO 0x08 /* for DO=1 */

#define XNS_NODE_TYPES 5
#define XNS_NODE_DATA  104 /* bytes behind the entries, if there is but one */

/* A name that exists in a zone, empty non-terminals included (n_types 0). 120 bytes: 184 with the
 * kernel's part. */
struct xns_node {
	__u32 zone;   /* key of `zones` */
	__u8 flags;   /* XNS_NODE_* */
	__u8 n_types; /* entries of type[] in use on this page */
	__u8 slot;    /* `staged` only: counts when the zone's current is this */
	__u8 labels;  /* of the name, root not counted: an identity check after copying */
	__u32 later;  /* bit (type % 32) is set for each type on the pages behind this one */
	struct xns_type type[XNS_NODE_TYPES];
	__u8 rest[88] __attribute__((aligned(8)));
};

/* Where in a page of so many entries begins what they refer to. */
static inline __attribute__((always_inline)) __u32 xns_node_begin(__u32 n_types)
{
	return (__builtin_offsetof(struct xns_node, type) + n_types * sizeof(struct xns_type) + 7) &
	       ~7U;
}

#define XNS_NODE_MORE	  0x01 /* there is a next page */
#define XNS_NODE_CNAME	  0x02 /* has a CNAME: type 0 answers what is not listed */
#define XNS_NODE_CUT	  0x04 /* delegation: type 0 is the referral, for what is below it too */
#define XNS_NODE_DNAME	  0x08 /* redirects everything below it: type 39 goes into the answer */
#define XNS_NODE_WILDCARD 0x10 /* *.NAME exists: it answers what is not there below the name */
#define XNS_NODE_PASS	  0x20 /* the stack answers everything at this name */
#define XNS_NODE_GONE	  0x80 /* `staged` only: tombstone, the new serial has no such name */

/*
 * The order of a zone: its NSEC owners in canonical order (RFC 4034 §6.1), or its NSEC3 hashes, to
 * find the one that matches a name or covers it: the last that is not behind it. A tree of pages;
 * level 0, the leaves, have the NSEC or NSEC3 records with their signatures, made for the apex, to
 * be put into the authority section. Its shape is a function of the keys and of how long the
 * records are (image/order.h), so that any way to a serial leads to the same pages; a page never
 * changes: a change makes new pages up to the root, which goes with the zone's version.
 *
 * A key is a string of bytes, compared as such, as big-endian words without the zero octets at its
 * end. For NSEC: the owner's labels below the apex from the topmost one on, lower case, each
 * followed by a zero octet; in them octet 0 is written 1 1, and octet 1 is 1 2. For NSEC3: the
 * hash, 20 bytes; one key more, the empty one, refers to the last NSEC3 of the zone, which covers
 * what is before the first.
 *
 * word[], where n is the number of entries:
 *
 *   n words      the first word of each key; 0 if it has none
 *   n × __u32    low 16 bits: where in word[] what the entry has begins; high 16 bits: how many
 *                words the whole key has. Up to the next whole word
 *   n entries    the other words of the key; then on level 0: struct xns_proof and what goes with
 *                it, up to the next whole word; above: struct xns_image_key of the page below,
 *                whose first key this one is
 *
 * That everything of a proof lies in its leaf, and in a row, saves the three lines that a reference
 * to it would be waited for.
 */
#define XNS_ORDER_WORDS	    501
#define XNS_ORDER_KEY_WORDS 64 /* 2 × 254 octets at most */
#define XNS_ORDER_LEVELS    16

struct xns_order {
	__u8 level;
	__u8 n;
	__u16 n_words; /* of word[] in use */
	__u32 reserved;
	__u64 word[XNS_ORDER_WORDS];
	__u64 reserved2; /* for reading two words at a time */
};

/* A proof: behind it the bytes of its image, and what goes with its layout. */
struct xns_proof {
	struct xns_image_head head;
	__u64 id; /* the same for the same records: xns_image_key.content, if it had one */
	struct xns_image_layout layout;
};

/* How the zone denies. */
enum xns_denial {
	XNS_DENIAL_NONE, /* not signed: DO=1 changes nothing */
	XNS_DENIAL_NSEC,
	XNS_DENIAL_NSEC3, /* SHA-1 without extra iterations */
	XNS_DENIAL_STACK, /* signed, but proofs are for the stack: iterations, a long salt */
};

/*
 * What a serial has beside its nodes. SOA for negative answers: RFC 2308 §3, TTL already min(TTL,
 * MINIMUM).
 */
struct xns_version {
	struct xns_ref soa;	    /* len 0: the stack answers */
	struct xns_ref soa_sig;	    /* with its signatures, for DO=1; both records in nscount */
	struct xns_image_key order; /* the root page; 0: none */
	__u32 serial;
	__u8 denial;   /* enum xns_denial */
	__u8 salt_len; /* NSEC3 */
	__u8 reserved[2];
	__u8 salt[XNS_SALT_MAX];
};

enum xns_zone_state {
	XNS_ZONE_LOADING, /* held, but the maps do not have (all of) it: the stack answers */
	XNS_ZONE_ACTIVE,
	XNS_ZONE_EXPIRED, /* RFC 1035 §3.3.13: the stack answers SERVFAIL */
};

/* A zone. Hot fields first. */
struct xns_zone {
	struct bpf_spin_lock lock; /* of BPF_F_LOCK; readers do not take it */
	__u8 current;		   /* the slot in force */
	__u8 flags;		   /* XNS_ZONE_F_* */
	__u8 apex_len;		   /* bytes of the apex on the wire */
	__u8 apex_labels;	   /* root not counted */
	enum xns_zone_state state;
	__u32 reserved;
	__u64 deadline_ns;	       /* SOA expire: not answered from this CLOCK_BOOTTIME on */
	struct xns_version version[2]; /* by slot */
	__u64 generation;	  /* of the agent's store: which version of the content this is */
	char name[XNS_ZONE_TEXT]; /* presentation form, NUL-terminated */
};

#define XNS_ZONE_F_COMPLETE 0x01 /* every name is in the maps: negative answers may be given */
#define XNS_ZONE_F_STALE                                                                        \
	0x02 /* overdue: no primary has confirmed it for a refresh and a retry. Replies to EDNS \
	      * say so: EDE 3, RFC 8914. Set and cleared in place, by the agent's clock */

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
	X(PASS_TYPE, "pass-type", "AXFR, IXFR, another meta type, or SOA with EXPIRE")         \
	X(PASS_LONG, "pass-long", "the query is longer than the program reads")                \
	X(PASS_NO_ZONE, "pass-no-zone", "the name is in no zone that is held")                 \
	X(PASS_NOT_READY, "pass-not-ready", "the zone is not (all) in the maps")               \
	X(PASS_EXPIRED, "pass-expired", "the zone has expired, and is not all in the maps")    \
	X(PASS_REFERRAL, "pass-referral", "a delegation whose referral is not in the maps")    \
	X(PASS_WILDCARD, "pass-wildcard", "a wildcard that is a delegation or a DNAME")        \
	X(PASS_DNAME, "pass-dname", "below a DNAME that leads on to something else")           \
	X(PASS_DNSSEC, "pass-dnssec", "a proof that is not in the maps")                       \
	X(PASS_NODE, "pass-node", "the agent marked this name or type for the stack")          \
	X(PASS_CHANGING, "pass-changing", "the maps changed under the look-up")                \
	X(PASS_NO_ROOM, "pass-no-room",                                                        \
	  "no room for the reply at the tail or the head of the packet")                       \
	X(PASS_INTERNAL, "pass-internal", "a helper or map failed; should be zero")            \
	X(DROP_WRITE, "drop-write",                                                            \
	  "the reply could not be written after the resize; should be zero")                   \
	X(ANSWER_REFERRAL, "answer-referral", "to the servers of a delegation")                \
	X(ANSWER_EXPIRED, "answer-expired", "SERVFAIL: the zone has expired")

enum xns_counter {
#define X(id, name, text) XNS_##id,
	XNS_COUNTERS(X)
#undef X
	XNS_COUNTER_COUNT,
};

/* ---- the hash of names ---- */

static inline __attribute__((always_inline)) void xns_hash_word(const struct xns_key *key,
								__u32 index, __u64 word,
								__u64 hash[XNS_HASHES])
{
	__u64 low = (__u32)word, high = word >> 32;

	for (int i = 0; i < XNS_HASHES; i++)
		hash[i] += (key->word[index].a[i] + low) * (key->word[index].b[i] + high);
}

/* `words`: how many there were. */
static inline __attribute__((always_inline)) void xns_hash_end(const struct xns_key *key,
							       __u32 words,
							       const __u64 hash[XNS_HASHES],
							       struct xns_name_key *ret)
{
	const __u64 *end = key->end[words - 1], upper = ~0ULL << 32;

	ret->hash[0] = ((hash[0] + end[0]) & upper) | (hash[1] + end[1]) >> 32;
	ret->hash[1] = ((hash[2] + end[2]) & upper) | (hash[3] + end[3]) >> 32;
	ret->hash[1] &= ~(__u64)(XNS_NODE_PAGES - 1);
}

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
#define XNS_ALLOCATION(type) (sizeof(type) + XNS_NODE_KERNEL_PART + 8)
_Static_assert(sizeof(struct xns_config) == 24 + sizeof(struct xns_key) + 2 + XNS_NSID_MAX + 6 +
						    sizeof(struct xns_filter),
	       "config");
_Static_assert(sizeof(struct xns_listen) == 20, "listen");
_Static_assert(sizeof(struct xns_type) == 4, "type");
_Static_assert(sizeof(struct xns_image_head) == 8, "head");
_Static_assert(sizeof(struct xns_image_layout) == 8, "layout");
_Static_assert(sizeof(struct xns_proof) == 24, "proof: three words in an order");
_Static_assert(XNS_ALLOCATION(struct xns_node) == 192, "node");
_Static_assert(sizeof(struct xns_node) == 16 + XNS_NODE_DATA, "node, one entry");
_Static_assert(XNS_ALLOCATION(struct xns_image_tiny) == 256, "tiny");
_Static_assert(XNS_ALLOCATION(struct xns_image_small) == 512, "small");
_Static_assert(XNS_ALLOCATION(struct xns_image_large) == 2048, "large");
_Static_assert(XNS_ALLOCATION(struct xns_order) == 4096, "order");
_Static_assert(sizeof(struct xns_version) == 72 + XNS_SALT_MAX, "version");
_Static_assert(sizeof(struct xns_zone) == 24 + 2 * 136 + 8 + XNS_ZONE_TEXT, "zone");

#endif
