package djangocache

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// settings are the options of a URL, by their names in lower case: django-redis writes them in capitals.
type settings struct{ values map[string]string }

// optionSet names the options that one kind of cache understands. An option that is there with false is passed over:
// it tunes what Django does, or how.
type optionSet map[string]bool

// Options that mean the same to every cache, from CACHES and from BaseCache of core/cache/backends/base.py.
var commonOptions = optionSet{
	"key_prefix": true, "version": true, "backend": true,
	"timeout": false, "max_entries": false, "cull_frequency": false,
}

var tableOptions, fileOptions = commonOptions, commonOptions

var memcachedOptions = with(commonOptions, optionSet{
	"binary": false, "no_delay": false, "use_pooling": false, "max_pool_size": false, "pool_idle_timeout": false,
	"connect_timeout": false, "ignore_exc": false, "retry_attempts": false, "retry_timeout": false,
	"dead_timeout":     false,
	"socket_keepalive": false, "pickleprotocol": false, "server_max_value_length": false,
})

// Options of redis-py (redis/connection.py, 8.1, URL_QUERY_ARGUMENT_PARSERS and SSLConnection), of Django's RedisCache
// and of django-redis.
var redisOptions = with(commonOptions, optionSet{
	"db": true, "username": true, "password": true, "serializer": true, "compressor": true, "client_class": true,
	"sentinels": true, "sentinel_username": true, "sentinel_password": true, "cluster": true,
	"ssl": true, "ssl_cert_reqs": true, "ssl_check_hostname": true, "ssl_ca_certs": true, "ssl_certfile": true,
	"ssl_keyfile":    true,
	"socket_timeout": false, "socket_connect_timeout": false, "socket_read_size": false, "socket_keepalive": false,
	"retry_on_timeout": false, "retry_on_error": false, "max_connections": false, "health_check_interval": false,
	"protocol": false, "legacy_responses": false, "client_name": false, "parser_class": false, "pool_class": false,
	"connection_pool_class": false, "connection_factory": false, "redis_client_class": false, "pickle_version": false,
	"ignore_exceptions": false, "log_ignored_exceptions": false, "replica_read_only": false, "is_master": false,
})

func with(sets ...optionSet) optionSet {
	all := optionSet{}
	for _, set := range sets {
		maps.Copy(all, set)
	}
	return all
}

// read puts the options of a query into s. An error names the option and never its value.
func (s *settings) read(query url.Values, known optionSet) error {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		lower := strings.ToLower(name)
		used, ok := known[lower]
		switch {
		case lower == "key_function":
			return fmt.Errorf("option %s: keys made by a function of the deployment's own are not known here; "+
				"remove it if that is Django's default_key_func", name)
		case !ok:
			return fmt.Errorf("unknown option %.40q", name)
		case !used:
			continue
		}
		value, err := option(query, name)
		if err != nil {
			return err
		}
		if before, ok := s.values[lower]; ok && before != value {
			return fmt.Errorf("option %s has two values", name)
		}
		s.values[lower] = value
	}
	if v, ok := s.values["version"]; ok {
		if _, err := strconv.Atoi(v); err != nil {
			return fmt.Errorf("option version is not a number")
		}
	}
	return nil
}

// one returns the last part of an option that names a class by its dotted path, checked against what is known.
func (s *settings) one(name string, known ...string) (string, error) {
	value, ok := s.values[name]
	if !ok {
		return "", nil
	}
	class := value[strings.LastIndexByte(value, '.')+1:]
	if !slices.Contains(known, class) {
		return "", fmt.Errorf("option %s is none of %s", name, strings.Join(known, ", "))
	}
	return class, nil
}

// truth reads an option as redis-py does: redis/connection.py, 8.1, to_bool.
func (s *settings) truth(name string, otherwise bool) bool {
	value, ok := s.values[name]
	if !ok || value == "" {
		return otherwise
	}
	return !slices.Contains([]string{"0", "F", "FALSE", "N", "NO"}, strings.ToUpper(value))
}
