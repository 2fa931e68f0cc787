package host

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"time"

	"landlord/internal/cluster"
)

// certificateLife is ten years: nobody is there to make a new one, and whoever
// has the certificate verifies by it alone.
const certificateLife = 10 * 365 * 24 * time.Hour

// certificate makes a certificate that signs itself, for names and addresses,
// with its key beside it: the key first, so that there is no certificate
// without one.
func certificate(f cluster.File, names []string) error {
	cert, key, err := selfSigned(names, time.Now())
	if err != nil {
		return err
	}
	secret := cluster.File{Path: strings.TrimSuffix(f.Path, filepath.Ext(f.Path)) + ".key", Owner: f.Owner, Mode: "0600", Text: string(key)}
	if err := writeFile(secret); err != nil {
		return err
	}
	f.Text = string(cert)
	return writeFile(f)
}

func selfSigned(names []string, now time.Time) (cert, key []byte, err error) {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}
