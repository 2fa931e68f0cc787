package pgsql

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// ScramIterations is PostgreSQL's default scram_iterations (since 16; fixed
// before).
const ScramIterations = 4096

// ScramVerifier makes the verifier that PostgreSQL stores for a password, so
// that the password itself never reaches the server (whose log would keep
// it). The password must be printable ASCII, as landlord's own are: SASLprep
// leaves such a text as it is. Format: RFC 5803, as in pg_authid.
func ScramVerifier(password string) (string, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("making a salt: %w", err)
	}
	return scramVerifier(password, salt, ScramIterations)
}

func scramVerifier(password string, salt []byte, iterations int) (string, error) {
	for _, r := range password {
		if r < ' ' || r > '~' {
			return "", fmt.Errorf("a password may only have printable ASCII characters")
		}
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("deriving the salted password: %w", err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(stored[:]), b64(mac(salted, "Server Key"))), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
