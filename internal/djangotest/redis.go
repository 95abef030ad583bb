package djangotest

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// RedisConfig says how a Redis is set up. The zero RedisConfig is one that anybody may use on a loopback port.
type RedisConfig struct {
	// Settings are lines of redis.conf.
	Settings []string
	// TLS has the server take TLS alone, with a certificate of its own for 127.0.0.1; see RedisServer.CertFile.
	TLS bool
	// Cluster makes it a node of a cluster, which has no slots yet.
	Cluster bool
	// Sentinel makes it a Sentinel, which watches the server that Settings name.
	Sentinel bool
}

// RedisServer is a running Redis.
type RedisServer struct {
	*SmallServer

	// Addr is its host:port, and Socket the path of its unix socket.
	Addr, Socket string
	// BusPort is the port on which the nodes of a cluster speak with each other; "" if it is no node.
	BusPort string
	// CertFile is the certificate that it shows, which signs itself.
	CertFile string
}

// Redis starts a Redis.
func Redis(tb testing.TB, c RedisConfig) *RedisServer {
	tb.Helper()
	name, debianPackage := "redis-server", "redis-server"
	if c.Sentinel {
		name, debianPackage = "redis-sentinel", "redis-sentinel"
	}
	program := serverProgram(tb, name, debianPackage)
	r := &RedisServer{SmallServer: newSmallServer(tb)}
	port := mustFreePort(tb)
	r.Addr, r.Socket = loopback(port), r.path("redis.sock")
	settings := []string{"bind 127.0.0.1", "unixsocket " + r.Socket, "unixsocketperm 777", "dir " + r.dir}
	if !c.Sentinel {
		settings = append(settings, `save ""`, "appendonly no")
	}
	if c.TLS {
		r.CertFile = r.path("cert.pem")
		cert, key, err := selfSignedCertificate() // for 127.0.0.1, and its own authority
		if err != nil {
			tb.Fatal(err)
		}
		for path, text := range map[string]string{r.CertFile: cert, r.path("key.pem"): key} {
			if err := r.account.writeFile(path, text); err != nil {
				tb.Fatal(err)
			}
		}
		settings = append(settings, "port 0", "tls-port "+strconv.Itoa(port), "tls-cert-file "+r.CertFile,
			"tls-key-file "+r.path("key.pem"), "tls-ca-cert-file "+r.CertFile, "tls-auth-clients no")
	} else {
		settings = append(settings, "port "+strconv.Itoa(port))
	}
	if c.Cluster {
		// The bus would take the port that is 10000 higher, free or not.
		r.BusPort = strconv.Itoa(mustFreePort(tb))
		settings = append(settings, "cluster-enabled yes", "cluster-announce-ip 127.0.0.1", "cluster-port "+r.BusPort)
	}
	config := strings.Join(append(settings, c.Settings...), "\n") + "\n"
	if err := r.account.writeFile(r.path("redis.conf"), config); err != nil { // a Sentinel writes to it
		tb.Fatal(err)
	}
	r.command = func() *exec.Cmd { return exec.Command(program, r.path("redis.conf")) }
	r.ready = func(ctx context.Context) error {
		answer, err := askLine(ctx, "unix", r.Socket, "PING\r\n")
		if err == nil && !strings.HasPrefix(answer, "+PONG") && !strings.HasPrefix(answer, "-NOAUTH") {
			err = fmt.Errorf("redis answers %q", answer)
		}
		return err
	}
	r.Start()
	return r
}

// Do sends commands to the server through its socket, each on a connection of its own, and fails the test if one is an
// error. A command of several lines is several commands, of which the last one's answer counts.
func (r *RedisServer) Do(commands ...string) {
	r.tb.Helper()
	for _, c := range commands {
		if answer, err := r.answer(c); err != nil || strings.HasPrefix(answer, "-") {
			r.tb.Fatalf("%s: %s %v", c, answer, err)
		}
	}
}

// Answers reports whether the answer to a command begins with some text.
func (r *RedisServer) Answers(command, want string) bool {
	answer, err := r.answer(command)
	return err == nil && strings.HasPrefix(answer, want)
}

// Line returns a line of the answer to a command, counted from 1; "" if there is none.
func (r *RedisServer) Line(command string, line int) string {
	text, err := askLines(r.tb.Context(), "unix", r.Socket, command+"\r\n", line)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(text)
}

func (r *RedisServer) answer(command string) (string, error) {
	return askLines(r.tb.Context(), "unix", r.Socket, command+"\r\n", strings.Count(command, "\n")+1)
}
