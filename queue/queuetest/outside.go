// Package queuetest sets up NATS servers for tests as an operator would who has a
// server of their own: by the configuration that is shipped, with TLS and a user for
// each role.
package queuetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// The roles of the shipped configuration.
const (
	Daemon     = "DAEMON"
	Operator   = "OPERATOR"
	Objections = "OBJECTIONS"
	Watcher    = "WATCHER"
)

// Outside is one server, or a cluster, that is not started yet.
type Outside struct {
	// Configs are the servers' configurations, and Stores their folders.
	Configs, Stores []string
	// URL names all of them, and CA who has signed their certificate.
	URL, CA string

	folder string
}

// Seed returns the file with the seed of a role's user.
func (o *Outside) Seed(role string) string { return filepath.Join(o.folder, role+".nk") }

// Stream is what a server tells of a stream.
type Stream struct {
	// Replicas is on how many servers it is kept, and Leader the place of the server
	// that leads it, -1 for none.
	Replicas, Leader int
}

// Stream asks about a stream, as the daemon's user, and tells whether there is one.
func (o *Outside) Stream(tb testing.TB, name string) (s Stream, found bool) {
	tb.Helper()
	seed, err := nats.NkeyOptionFromSeed(o.Seed(Daemon))
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := nats.Connect(o.URL, seed, nats.RootCAs(o.CA), nats.CustomInboxPrefix("_INBOX_dialerd.test"))
	if err != nil {
		return s, false
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Second)
	defer cancel()
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return s, false
	}
	s.Leader = -1
	info := stream.CachedInfo()
	if s.Replicas = info.Config.Replicas; info.Cluster != nil {
		if _, err := fmt.Sscanf(info.Cluster.Leader, "nats-%d", &s.Leader); err == nil {
			s.Leader--
		}
	}
	return s, true
}

// clusterPart is what of the shipped configuration a single server leaves out.
var clusterPart = regexp.MustCompile(`(?s)# Three servers keep.*?\n}\n`)

// MustWrite writes the configurations of so many servers on this machine, made of the
// shipped one, with certificates and seeds.
func MustWrite(tb testing.TB, shipped string, servers int) *Outside {
	tb.Helper()
	o := &Outside{folder: tb.TempDir()}
	text, err := os.ReadFile(shipped)
	if err != nil {
		tb.Fatal(err)
	}
	config := string(text)
	if servers == 1 {
		config = clusterPart.ReplaceAllString(config, "")
	}
	for _, role := range []string{Daemon, Operator, Objections, Watcher} {
		config = strings.Replace(config, "nkey: U"+role+"\n", "nkey: "+o.mustMakeUser(tb, role)+"\n", 1)
	}
	o.mustCertify(tb)
	var urls, routes []string
	ports := mustFindPorts(tb, 2*servers)
	for i := range servers {
		urls = append(urls, fmt.Sprintf("tls://127.0.0.1:%d", ports[2*i]))
		routes = append(routes, fmt.Sprintf("nats-route://127.0.0.1:%d", ports[2*i+1]))
	}
	o.URL = strings.Join(urls, ",")
	for i := range servers {
		store := filepath.Join(o.folder, fmt.Sprint("store-", i+1))
		own := strings.NewReplacer(
			"server_name: nats-1", fmt.Sprintf("server_name: nats-%d", i+1),
			"listen: 0.0.0.0:4222", fmt.Sprintf("listen: 127.0.0.1:%d", ports[2*i]),
			"listen: 0.0.0.0:6222", fmt.Sprintf("listen: 127.0.0.1:%d", ports[2*i+1]),
			"nats-route://nats-1.example.org:6222", routes[0], "nats-route://nats-2.example.org:6222", routes[min(1, servers-1)],
			"nats-route://nats-3.example.org:6222", routes[servers-1],
			"/var/lib/nats", store, "/etc/nats", o.folder,
		).Replace(config)
		path := filepath.Join(o.folder, fmt.Sprintf("server-%d.conf", i+1))
		mustWriteFile(tb, path, []byte(own))
		o.Configs, o.Stores = append(o.Configs, path), append(o.Stores, store)
	}
	return o
}

// mustMakeUser writes a user's seed and returns their public key.
func (o *Outside) mustMakeUser(tb testing.TB, role string) string {
	tb.Helper()
	user, err := nkeys.CreateUser()
	if err != nil {
		tb.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		tb.Fatal(err)
	}
	public, err := user.PublicKey()
	if err != nil {
		tb.Fatal(err)
	}
	mustWriteFile(tb, o.Seed(role), append(seed, '\n'))
	return public
}

// mustCertify writes an authority and what it has signed, for servers and routes.
func (o *Outside) mustCertify(tb testing.TB) {
	tb.Helper()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority for tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authorityKey := mustMakeKey(tb)
	signed, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		tb.Fatal(err)
	}
	o.CA = filepath.Join(o.folder, "ca.pem")
	mustWriteFile(tb, o.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}))

	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a server for tests"}, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	key := mustMakeKey(tb)
	if signed, err = x509.CreateCertificate(rand.Reader, server, authority, &key.PublicKey, authorityKey); err != nil {
		tb.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	mustWriteFile(tb, filepath.Join(o.folder, "server.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}))
	mustWriteFile(tb, filepath.Join(o.folder, "server.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

func mustMakeKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// mustFindPorts returns ports that were free a moment ago.
func mustFindPorts(tb testing.TB, count int) []int {
	tb.Helper()
	var ports []int
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
		if err != nil {
			tb.Fatal(err)
		}
		defer func() { _ = listener.Close() }() // all at once, so that no two are the same
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func mustWriteFile(tb testing.TB, path string, content []byte) {
	tb.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
}
