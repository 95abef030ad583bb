package djangocache

import (
	"hash/crc32"
	"math/bits"
)

// A spread says which of several servers has a key. Each client library has its own.
type spread func(servers []endpoint, key string) int

// rendezvous is pymemcache's HashClient: pymemcache/client/rendezvous.py and murmur3.py, 4.0.
func rendezvous(servers []endpoint, key string) int {
	high, winner, name := int64(-1), 0, ""
	for i, s := range servers {
		node := s.host // pymemcache/client/hash.py, _make_client_key
		if s.network != "unix" {
			node += ":" + s.port
		}
		score := int64(murmur3([]rune(node + "-" + key)))
		if score > high || score == high && node > name {
			high, winner, name = score, i, node
		}
	}
	return winner
}

// murmur3 is murmur3_32 of pymemcache/client/murmur3.py, 4.0, which takes characters where others take bytes: of each
// only the lowest eight bits count.
func murmur3(data []rune) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	mix := func(k uint32) uint32 { return bits.RotateLeft32(k*c1, 15) * c2 }
	var h uint32
	i := 0
	for ; i+4 <= len(data); i += 4 {
		k := uint32(data[i]&0xff) | uint32(data[i+1]&0xff)<<8 | uint32(data[i+2]&0xff)<<16 | uint32(data[i+3]&0xff)<<24
		h = bits.RotateLeft32(h^mix(k), 13)*5 + 0xe6546b64
	}
	var k uint32
	for j := len(data) - 1; j >= i; j-- {
		k = k<<8 | uint32(data[j]&0xff)
	}
	h ^= mix(k)
	h ^= uint32(len(data)) //nolint:gosec // keys are short
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

// modula is pylibmc's, that is libmemcached's default: MEMCACHED_DISTRIBUTION_MODULA over MEMCACHED_HASH_DEFAULT, Bob
// Jenkins's one-at-a-time. Without behaviors, pylibmc changes neither. Bytes beyond ASCII are negative numbers to it,
// as C's char is where x86 processors are.
func modula(servers []endpoint, key string) int {
	var h uint32
	for i := range len(key) {
		h += uint32(int8(key[i])) //nolint:gosec // see above
		h += h << 10
		h ^= h >> 6
	}
	h += h << 3
	h ^= h >> 11
	h += h << 15
	return int(h % uint32(len(servers))) //nolint:gosec // there are few servers
}

// crc32Modulo is python-memcached's: memcache.py, 1.59, cmemcache_hash and _get_server. From 1.60 on, the "or 1" is
// gone: one key in 32,768 lies elsewhere there.
func crc32Modulo(servers []endpoint, key string) int {
	h := max(crc32.ChecksumIEEE([]byte(key))>>16&0x7fff, 1)
	return int(h) % len(servers)
}
