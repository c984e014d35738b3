/**
 * The digests behind the test host's `crypto`: MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4), and
 * HMAC (RFC 2104).
 *
 * For tests alone, so that a webhook's signature can be checked natively without a library beside
 * libc; in a component the host does it. Known answers are in the SDK's own tests.
 */
#include "internal.h"

#include <string.h>

/** The message with its padding, in blocks of so many bytes; the length's bytes at the end are in
 *  the order that the digest wants. */
static jf_bytes padded(jf_bytes data, size_t block, size_t length_size, bool little)
{
    size_t size = (data.size + 1 + length_size + block - 1) / block * block;
    uint8_t *bytes = jf_alloc(size);
    if (data.size)
        memcpy(bytes, data.data, data.size);
    bytes[data.size] = 0x80;
    uint64_t bits = (uint64_t)data.size * 8;
    for (size_t i = 0; i < 8; i++)
        bytes[little ? size - 8 + i : size - 1 - i] = (uint8_t)(bits >> 8 * i);
    return (jf_bytes){bytes, size};
}

static uint64_t load(const uint8_t *at, size_t size)
{
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++)
        word = word << 8 | at[i];
    return word;
}

static void store(uint8_t *at, uint64_t word, size_t size)
{
    for (size_t i = size; i-- > 0; word >>= 8)
        at[i] = (uint8_t)word;
}

static uint32_t left(uint32_t word, unsigned by)
{
    return word << by | word >> (32 - by);
}

static uint32_t swapped(uint32_t word)
{
    return word >> 24 | (word >> 8 & 0xFF00) | (word & 0xFF00) << 8 | word << 24;
}

/** The whole part of |sin(i + 1)| * 2^32. */
static const uint32_t md5_table[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static jf_bytes md5(jf_bytes data)
{
    static const uint8_t turns[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    static const uint8_t steps[4][2] = {{1, 0}, {5, 1}, {3, 5}, {7, 0}};
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    jf_bytes message = padded(data, 64, 8, true);
    for (size_t block = 0; block < message.size; block += 64) {
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        for (unsigned i = 0; i < 64; i++) {
            unsigned round = i / 16;
            uint32_t mixed = round == 0   ? (b & c) | (~b & d)
                             : round == 1 ? (d & b) | (~d & c)
                             : round == 2 ? b ^ c ^ d
                                          : c ^ (b | ~d);
            size_t word = (steps[round][0] * i + steps[round][1]) % 16;
            mixed += a + md5_table[i] +
                     swapped((uint32_t)load(message.data + block + 4 * word, 4));
            a = d, d = c, c = b;
            b += left(mixed, turns[round][i % 4]);
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    }
    uint8_t *digest = jf_alloc(16);
    for (size_t i = 0; i < 4; i++)
        store(digest + 4 * i, swapped(state[i]), 4);
    return (jf_bytes){digest, 16};
}

static jf_bytes sha1(jf_bytes data)
{
    static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    jf_bytes message = padded(data, 64, 8, false);
    for (size_t block = 0; block < message.size; block += 64) {
        uint32_t words[80];
        for (size_t i = 0; i < 80; i++)
            words[i] = i < 16 ? (uint32_t)load(message.data + block + 4 * i, 4)
                              : left(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
        for (size_t i = 0; i < 80; i++) {
            size_t round = i / 20;
            uint32_t mixed = round == 0   ? (b & c) | (~b & d)
                             : round == 2 ? (b & c) | (b & d) | (c & d)
                                          : b ^ c ^ d;
            uint32_t sum = left(a, 5) + mixed + e + constants[round] + words[i];
            e = d, d = c, c = left(b, 30), b = a, a = sum;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
    }
    uint8_t *digest = jf_alloc(20);
    for (size_t i = 0; i < 5; i++)
        store(digest + 4 * i, state[i], 4);
    return (jf_bytes){digest, 20};
}

/** The first 64 bits of the fractional parts of the cube roots of the first 80 primes; SHA-256
 *  takes the upper halves of the first 64. */
static const uint64_t sha2_table[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/** SHA-2 over words of 32 or 64 bits: one loop, two widths. */
typedef struct width {
    size_t bytes;
    unsigned rounds;
    /** The turns of the two schedule functions (the third is a shift) and of the two mixers. */
    uint8_t small0[3], small1[3], big0[3], big1[3];
} width;

static const width of_32 = {4, 64, {7, 18, 3}, {17, 19, 10}, {2, 13, 22}, {6, 11, 25}};
static const width of_64 = {8, 80, {1, 8, 7}, {19, 61, 6}, {28, 34, 39}, {14, 18, 41}};

static uint64_t cut(const width *of, uint64_t word)
{
    return of->bytes == 4 ? word & 0xFFFFFFFF : word;
}

static uint64_t right(const width *of, uint64_t word, unsigned by)
{
    return cut(of, word >> by | word << (8 * of->bytes - by));
}

static uint64_t turned(const width *of, uint64_t word, const uint8_t *by, bool shift)
{
    return right(of, word, by[0]) ^ right(of, word, by[1]) ^
           (shift ? word >> by[2] : right(of, word, by[2]));
}

static jf_bytes sha2(const width *of, const uint64_t start[8], jf_bytes data, size_t size)
{
    uint64_t state[8];
    memcpy(state, start, sizeof state);
    size_t block_size = 16 * of->bytes;
    jf_bytes message = padded(data, block_size, 2 * of->bytes, false);
    for (size_t block = 0; block < message.size; block += block_size) {
        uint64_t words[80], v[8];
        memcpy(v, state, sizeof v);
        for (unsigned i = 0; i < of->rounds; i++)
            words[i] = i < 16 ? load(message.data + block + of->bytes * i, of->bytes)
                              : cut(of, turned(of, words[i - 2], of->small1, true) + words[i - 7] +
                                            turned(of, words[i - 15], of->small0, true) +
                                            words[i - 16]);
        for (unsigned i = 0; i < of->rounds; i++) {
            uint64_t constant = of->bytes == 4 ? sha2_table[i] >> 32 : sha2_table[i];
            uint64_t one = v[7] + turned(of, v[4], of->big1, false) +
                           ((v[4] & v[5]) ^ (~v[4] & v[6])) + constant + words[i];
            uint64_t two = turned(of, v[0], of->big0, false) +
                           ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
            memmove(v + 1, v, 7 * sizeof *v);
            v[4] = cut(of, v[4] + one);
            v[0] = cut(of, one + two);
        }
        for (size_t i = 0; i < 8; i++)
            state[i] = cut(of, state[i] + v[i]);
    }
    uint8_t *digest = jf_alloc(64);
    for (size_t i = 0; i < 8; i++)
        store(digest + of->bytes * i, state[i], of->bytes);
    return (jf_bytes){digest, size};
}

static const uint64_t sha256_start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
static const uint64_t sha384_start[8] = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17,
                                         0x152fecd8f70e5939, 0x67332667ffc00b31, 0x8eb44a8768581511,
                                         0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};
static const uint64_t sha512_start[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                         0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                         0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

jf_bytes jf_digest(jf_algorithm algorithm, jf_bytes data)
{
    switch (algorithm) {
    case JF_MD5:
        return md5(data);
    case JF_SHA1:
        return sha1(data);
    case JF_SHA256:
        return sha2(&of_32, sha256_start, data, 32);
    case JF_SHA384:
        return sha2(&of_64, sha384_start, data, 48);
    case JF_SHA512:
        return sha2(&of_64, sha512_start, data, 64);
    }
    return (jf_bytes){0};
}

jf_bytes jf_hmac(jf_algorithm algorithm, jf_bytes key, jf_bytes data)
{
    size_t block = algorithm >= JF_SHA384 ? 128 : 64;
    if (key.size > block)
        key = jf_digest(algorithm, key);
    uint8_t *inner = jf_alloc(block + data.size);
    uint8_t *outer = jf_alloc(block + 64);
    for (size_t i = 0; i < block; i++) {
        uint8_t byte = i < key.size ? key.data[i] : 0;
        inner[i] = byte ^ 0x36;
        outer[i] = byte ^ 0x5c;
    }
    if (data.size)
        memcpy(inner + block, data.data, data.size);
    jf_bytes digest = jf_digest(algorithm, (jf_bytes){inner, block + data.size});
    memcpy(outer + block, digest.data, digest.size);
    return jf_digest(algorithm, (jf_bytes){outer, block + digest.size});
}
