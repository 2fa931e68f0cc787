package localpg

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// certificates are PEM files of a throwaway authority. Its own key is kept
// nowhere, so that nothing else can ever be signed by it.
type certificates struct {
	ca, server, serverKey []byte
}

// certificateLife is long enough for a demo that somebody leaves running.
const certificateLife = 30 * 24 * time.Hour

// newCertificates makes an authority and a server certificate for localhost,
// with which a client can use sslmode=verify-full.
func newCertificates(now time.Time) (certificates, error) {
	ca := template(now, "landlord throwaway CA")
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificates{}, fmt.Errorf("make the CA's key: %w", err)
	}
	server := template(now, "localhost")
	server.DNSNames = []string{"localhost"}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	server.KeyUsage = x509.KeyUsageDigitalSignature
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificates{}, fmt.Errorf("make the server's key: %w", err)
	}
	return sign(ca, caKey, server, serverKey)
}

func template(now time.Time, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(certificateLife),
	}
}

func sign(ca *x509.Certificate, caKey *ecdsa.PrivateKey, server *x509.Certificate, serverKey *ecdsa.PrivateKey) (certificates, error) {
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return certificates{}, fmt.Errorf("sign the CA's certificate: %w", err)
	}
	// The template has no key identifier yet; the parsed certificate has.
	parent, err := x509.ParseCertificate(caDER)
	if err != nil {
		return certificates{}, fmt.Errorf("read the CA's certificate: %w", err)
	}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, parent, serverKey.Public(), caKey)
	if err != nil {
		return certificates{}, fmt.Errorf("sign the server's certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		return certificates{}, fmt.Errorf("encode the server's key: %w", err)
	}
	return certificates{
		ca:        pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}),
		server:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: serverDER}),
		serverKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}, nil
}
