package pgsql

import (
	"bytes"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// Verifier is what pg_authid keeps of a password.
type Verifier struct {
	Kind       string // none, md5, scram-sha-256 or unknown
	Iterations int    // SCRAM's
	salt       []byte
	serverKey  []byte
	hash       string // md5's
}

// ParseVerifier reads pg_authid.rolpassword; NULL is "".
func ParseVerifier(text string) Verifier {
	if text == "" {
		return Verifier{Kind: "none"}
	}
	if hash, ok := strings.CutPrefix(text, "md5"); ok && len(hash) == 2*md5.Size {
		return Verifier{Kind: "md5", hash: hash}
	}
	rest, ok := strings.CutPrefix(text, "SCRAM-SHA-256$")
	if !ok {
		return Verifier{Kind: "unknown"}
	}
	head, keys, _ := strings.Cut(rest, "$")
	iterations, salt, _ := strings.Cut(head, ":")
	_, server, _ := strings.Cut(keys, ":")
	v := Verifier{Kind: "scram-sha-256"}
	var errs [3]error
	v.Iterations, errs[0] = strconv.Atoi(iterations)
	v.salt, errs[1] = base64.StdEncoding.DecodeString(salt)
	v.serverKey, errs[2] = base64.StdEncoding.DecodeString(server)
	for _, err := range errs {
		if err != nil {
			return Verifier{Kind: "unknown"}
		}
	}
	return v
}

// Is says whether a role's password is this one. For SCRAM it costs as many
// rounds of HMAC as the verifier has iterations. The password is taken as it
// stands, without SASLprep, which leaves printable ASCII as it is.
func (v Verifier) Is(role, password string) bool {
	switch v.Kind {
	case "md5":
		sum := md5.Sum([]byte(password + role))
		return hex.EncodeToString(sum[:]) == v.hash
	case "scram-sha-256":
		salted, err := pbkdf2.Key(sha256.New, password, v.salt, max(v.Iterations, 1), sha256.Size)
		return err == nil && bytes.Equal(mac(salted, "Server Key"), v.serverKey)
	}
	return false
}
