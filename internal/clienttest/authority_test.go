package clienttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"landlord/internal/pgtest"
)

// authority can certify servers, under any name.
type authority struct {
	file string // its certificate, for sslrootcert
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	template := certificate("landlord test CA")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{file(t, encode("CERTIFICATE", der)), cert, key}
}

// certify gives a running server a certificate for a host name.
func (a *authority) certify(t *testing.T, s *pgtest.Server, host string) {
	t.Helper()
	template := certificate(host)
	template.DNSNames, template.ExtKeyUsage = []string{host}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(s.CAFile())
	replace(t, filepath.Join(dir, "server.key"), encode("PRIVATE KEY", private))
	replace(t, filepath.Join(dir, "server.crt"), encode("CERTIFICATE", der))
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// replace writes a file anew, with its owner and mode.
func replace(t *testing.T, path, text string) {
	t.Helper()
	was, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), was.Mode()); err != nil {
		t.Fatal(err)
	}
	if own := was.Sys().(*syscall.Stat_t); os.Getuid() == 0 {
		if err := os.Chown(path, int(own.Uid), int(own.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
