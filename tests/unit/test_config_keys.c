// SPDX-License-Identifier: GPL-3.0-or-later
/* TSIG keys, in the file and in files of their own: what is taken, refused, warned of; secrets are
 * never told. */
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_fixture.h"

/* Secrets of each kind of mistake: none of them is repeated. */
static void test_secrets(void **state)
{
	static const char *const cases[] = {
		"secret: \"hidden!\"",
		"secret: hiddenhidde",
		"secret: [aGlkZGVu, hidden]",
		"secret: {hidden: x}",
		"secret: ''",
		"secret: ~",
		"secret: \"hidden=\"",
		"secret: \"hidden==hidd\"",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config *config = NULL;
		char *errors = NULL;

		snprintf(text, sizeof(text), "keys: [{id: k, algorithm: hmac-sha256, %s}]\n%s",
			 cases[i], SERVER REMOTES ZONES);
		if (parse(text, strlen(text), &errors, &config) != -EINVAL)
			fail_msg("%s: taken", cases[i]);
		if (strncmp(errors, "f:1: keys.secret: ", 18) != 0 || strstr(errors, "idden") ||
		    strstr(errors, "aGlk"))
			fail_msg("%s: %s", cases[i], errors);
		free(errors);
	}
	/* as long as is taken, and more */
	for (size_t len = 512; len <= 515; len += 3) {
		char secret[1024];
		size_t n = 0;

		for (; 3 * n / 4 < len; n++)
			secret[n] = 'A';
		while (n % 4)
			secret[n++] = '=';
		secret[n] = '\0';
		struct config *config = NULL;
		char *errors = NULL, all[2048];
		snprintf(all, sizeof(all),
			 "keys: [{id: k, algorithm: hmac-sha256, secret: %s}]\n%s", secret,
			 SERVER REMOTES ZONES);
		assert_int_equal(parse(all, strlen(all), &errors, &config),
				 len == 512 ? 0 : -EINVAL);
		assert_null(strstr(errors, "AAAA"));
		config_free(config);
		free(errors);
	}
}

/* What is taken, and told. */
static void test_warnings(void **state)
{
	static const struct {
		const char *key, *expect, *zones;
	} cases[] = {
		{"algorithm: hmac-sha256, secret: " BASE64,
		 "f:3: warning: zones.notify: NOTIFY goes by UDP, to the ports of 't', which are for TLS",
		 "zones: [{domain: a, primaries: t, notify: t}]\nremotes: [{id: t, address: 192.0.2.1, tls: t}]\n"
		 "tls: [{id: t, mode: opportunistic}]\n"},
		{"algorithm: hmac-md5, secret: " BASE64,
		 "f:1: warning: keys.algorithm: hmac-md5 is of the past", NULL},
		{"algorithm: hmac-sha256, secret: QUJD",
		 "f:1: warning: keys.secret: a secret of 3 bytes may be guessed", NULL},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config *config = NULL;
		char *errors = NULL;

		snprintf(text, sizeof(text), "keys: [{id: k, %s}]\n" SERVER "%s", cases[i].key,
			 cases[i].zones ? cases[i].zones : REMOTES ZONES);
		assert_int_equal(parse(text, strlen(text), &errors, &config), 0);
		if (strncmp(errors, cases[i].expect, strlen(cases[i].expect)) != 0)
			fail_msg("%s", errors);
		assert_ptr_equal(strchr(errors, '\n') + 1, errors + strlen(errors));
		config_free(config);
		free(errors);
	}
}

static const struct {
	const char *what;
	const char *content;
	mode_t mode;
	const char *expect; /* in the errors; NULL: taken */
	dnssec_tsig_algorithm_t algorithm;
	const char *more; /* keys beside id and file */
} file_cases[] = {
	{"a secret alone", BASE64 "\n", 0600, NULL, DNSSEC_TSIG_HMAC_SHA384,
	 ", algorithm: hmac-sha384"},
	{"a secret alone, no end of line", BASE64, 0400, NULL, DNSSEC_TSIG_HMAC_SHA1,
	 ", algorithm: hmac-sha1"},
	{"a secret alone, no algorithm", BASE64 "\n", 0600, "keys.algorithm: missing", 0, ""},
	{"Knot's line", "hmac-sha224:Key.Example:" BASE64 "\n", 0600, NULL, DNSSEC_TSIG_HMAC_SHA224,
	 ""},
	{"Knot's line, behind a comment", "# made today\nhmac-sha256:key.example.:" BASE64 "\n",
	 0600, NULL, DNSSEC_TSIG_HMAC_SHA256, ", algorithm: hmac-sha256"},
	{"BIND's clause",
	 "key \"KEY.example\" {\n\talgorithm hmac-sha512;\n\tsecret \"" BASE64 "\";\n};\n", 0600,
	 NULL, DNSSEC_TSIG_HMAC_SHA512, ""},
	{"BIND's clause, written in another way",
	 "// c\nkey key.example. { secret " BASE64 " ; algorithm \"hmac-sha1\" ; } # end", 0600,
	 NULL, DNSSEC_TSIG_HMAC_SHA1, ""},
	{"another name", "hmac-sha256:other.example:" BASE64, 0600, "has a key of another name", 0,
	 ""},
	{"another algorithm", "hmac-sha256:key.example:" BASE64, 0600,
	 "has a key of another algorithm", 0, ", algorithm: hmac-sha512"},
	{"an algorithm that is none", "hmac-sha3:key.example:" BASE64, 0600,
	 "has a key of an algorithm that is not known", 0, ""},
	{"two parts", "key.example:" BASE64, 0600, "has no key in it", 0, ""},
	{"two words", BASE64 " " BASE64, 0600, "has no key in it", 0, ", algorithm: hmac-sha1"},
	{"nothing", "\n", 0600, "has no key in it", 0, ", algorithm: hmac-sha1"},
	{"a clause without a secret", "key k { algorithm hmac-sha1; };", 0600, "has no key in it",
	 0, ""},
	{"a clause without an end", "key k { secret x;", 0600, "has no key in it", 0, ""},
	{"two clauses",
	 "key key.example { secret " BASE64 "; }; key key.example { secret " BASE64 "; };", 0600,
	 "has no key in it", 0, ""},
	{"not base64", "se-cret\n", 0600, "the secret is not base64", 0, ", algorithm: hmac-sha1"},
	{"readable by the group", BASE64 "\n", 0640, "may be read by others than its owner", 0,
	 ", algorithm: hmac-sha1"},
	{"readable by all", BASE64 "\n", 0604, "may be read by others than its owner", 0,
	 ", algorithm: hmac-sha1"},
};

/* Reads a configuration with a key in a file. */
static int load_key(const char *path, const char *more, char **ret_errors, struct config **ret)
{
	char text[512];

	snprintf(text, sizeof(text), "keys: [{id: key.example, file: %s%s}]\n%s", path, more,
		 SERVER REMOTES ZONES);
	return parse(text, strlen(text), ret_errors, ret);
}

static void test_key_files(void **state)
{
	char path[] = "/tmp/xnsd-test-XXXXXX", *errors = NULL, *big = malloc(5000);
	int fd = mkstemp(path);
	struct config *config = NULL;

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < COUNT(file_cases); i++) {
		size_t len = strlen(file_cases[i].content);

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, file_cases[i].content, len, 0), len);
		assert_int_equal(fchmod(fd, file_cases[i].mode), 0);
		int err = load_key(path, file_cases[i].more, &errors, &config);
		if (err != (file_cases[i].expect ? -EINVAL : 0))
			fail_msg("%s: %d %s", file_cases[i].what, err, errors);
		if (strstr(errors, "MDEyMz") || strstr(errors, "se-cret"))
			fail_msg("%s: tells the secret: %s", file_cases[i].what, errors);
		if (err == 0) {
			assert_int_equal(config->keys[0].tsig.algorithm, file_cases[i].algorithm);
			assert_int_equal(config->keys[0].tsig.secret.size, 32);
			assert_string_equal(errors, "");
			config_free(config);
		} else if (!strstr(errors, file_cases[i].expect)) {
			fail_msg("%s: expected %s\ngot %s", file_cases[i].what,
				 file_cases[i].expect, errors);
		}
		free(errors);
	}
	/* what is too long, and a NUL */
	memset(big, 'A', 5000);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(pwrite(fd, big, 5000, 0), 5000);
	assert_int_equal(load_key(path, "", &errors, &config), -EINVAL);
	assert_non_null(strstr(errors, "is too long to be a key"));
	free(errors);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, "AAAA\0AAAA", 9, 0), 9);
	assert_int_equal(load_key(path, "", &errors, &config), -EINVAL);
	assert_non_null(strstr(errors, "has a NUL byte in it"));
	free(errors);
	/* Root may read a stranger's file, but it is the stranger who knows the key. */
	if (geteuid() == 0) {
		assert_int_equal(fchown(fd, 12345, -1), 0);
		assert_int_equal(load_key(path, "", &errors, &config), -EINVAL);
		assert_non_null(strstr(errors, "is owned neither by root nor by the user"));
		free(errors);
	}
	close(fd);
	unlink(path);
	free(big);
}

/* Of files that everybody may read, or that the user may not; from files alone. */
static void test_file_warnings(void **state)
{
	char dir[] = "/tmp/xnsd-test-XXXXXX", path[64], key[64], text[512], *errors = NULL;
	struct config *config = NULL;
	size_t size;
	FILE *out = open_memstream(&errors, &size);

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/xnsd.yaml", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int key_fd = open(key, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && key_fd >= 0);

	static const char secret[] =
		SERVER REMOTES ZONES "keys: [{id: k, algorithm: hmac-sha1, secret: " BASE64 "}]\n";
	assert_int_equal(pwrite(fd, secret, strlen(secret), 0), strlen(secret));
	for (unsigned all = 0; all < 2; all++) {
		assert_int_equal(fchmod(fd, all ? 0644 : 0640), 0);
		assert_int_equal(config_load(path, out, &config), 0);
		config_free(config);
		fflush(out);
		if (!all)
			assert_string_equal(errors, "");
		else
			assert_non_null(strstr(errors, ":4: warning: keys.secret: this file may be "
						       "read by everybody"));
	}

	/* Only root becomes somebody else. */
	snprintf(text, sizeof(text),
		 "server: {listen: 192.0.2.1, user: nobody}\n" REMOTES ZONES
		 "keys: [{id: k, algorithm: hmac-sha1, file: %s}]\n",
		 key);
	assert_int_equal(pwrite(key_fd, BASE64, strlen(BASE64), 0), strlen(BASE64));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
	rewind(out);
	assert_int_equal(config_load(path, out, &config), 0);
	assert_int_equal(fputc(0, out), 0);
	config_free(config);
	fflush(out);
	if (geteuid() == 0) {
		snprintf(text, sizeof(text),
			 "%s:4: warning: keys.file: user 'nobody' may not read '%s'\n"
			 "%s: warning: user 'nobody' may not read this file",
			 path, key, path);
		assert_memory_equal(errors, text, strlen(text));
	} else {
		assert_string_equal(errors, "");
	}
	/* For the one who may, all is well. */
	if (geteuid() == 0) {
		assert_int_equal(chmod(dir, 0755), 0);
		assert_int_equal(fchmod(fd, 0644), 0);
		assert_int_equal(fchown(key_fd, getpwnam("nobody")->pw_uid, -1), 0);
		rewind(out);
		assert_int_equal(config_load(path, out, &config), 0);
		assert_int_equal(fputc(0, out), 0);
		config_free(config);
		fflush(out);
		assert_string_equal(errors, "");
	}
	close(fd);
	close(key_fd);
	fclose(out);
	free(errors);
	unlink(path);
	unlink(key);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_key_files),
		cmocka_unit_test(test_file_warnings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
