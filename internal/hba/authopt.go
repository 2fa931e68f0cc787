package hba

import (
	"slices"
	"strconv"
	"strings"
)

// authOption is a name=value word that may follow a method.
type authOption struct {
	name    string
	methods []Method // it is for these only; none means any
	only    string   // how the server's message calls them
	since   int      // the first major that knows it
}

func authOptions(major int) []authOption {
	gss := []Method{"gss", "sspi"}
	named := func(method Method, since int, names ...string) (list []authOption) {
		for _, n := range names {
			list = append(list, authOption{n, []Method{method}, string(method), since})
		}
		return list
	}
	list := []authOption{
		{"map", []Method{Ident, Peer, "gss", "sspi", Cert, "oauth"}, mapMethods(major), 0},
		{"clientcert", nil, "", 0},
		{"clientname", nil, "", 14},
		{"krb_realm", gss, "gssapi and sspi", 0},
		{"include_realm", gss, "gssapi and sspi", 0},
	}
	return slices.Concat(list,
		named("sspi", 0, "compat_realm", "upn_username"),
		named("pam", 0, "pamservice", "pam_use_hostname"),
		named("ldap", 0, "ldapurl", "ldaptls", "ldapscheme", "ldapserver", "ldapport", "ldapbinddn", "ldapbindpasswd",
			"ldapsearchattribute", "ldapsearchfilter", "ldapbasedn", "ldapprefix", "ldapsuffix"),
		named("radius", 0, "radiusservers", "radiusports", "radiussecrets", "radiusidentifiers"),
		named("oauth", 18, "issuer", "scope", "validator", "delegate_ident_mapping"))
}

func mapMethods(major int) string {
	if major >= 18 {
		return "ident, peer, gssapi, sspi, cert, and oauth"
	}
	return "ident, peer, gssapi, sspi, and cert"
}

// options reads everything after the method.
func (r *ruleParser) options() {
	for ; r.used < len(r.line.Fields); r.used++ {
		for _, t := range r.line.Fields[r.used] {
			r.option(t)
		}
	}
	if len(r.line.Errors) == 0 {
		r.mandatory()
	}
}

func (r *ruleParser) option(t Token) {
	name, value, ok := strings.Cut(t.Text, "=")
	if !ok {
		r.fail(t, "", "authentication option not in name=value format: %s", t.Text)
		return
	}
	var names []string
	for _, o := range authOptions(r.major) {
		if o.since > r.major {
			continue
		}
		if o.name != name {
			names = append(names, o.name)
			continue
		}
		if o.methods != nil && !slices.Contains(o.methods, r.rule.Method) {
			r.fail(t, "", "authentication option %q is only valid for authentication methods %s", name, o.only)
			return
		}
		r.rule.Options = append(r.rule.Options, Option{Name: name, Value: value, Token: t})
		r.optionValue(t, name, value)
		return
	}
	r.fail(t, didYouMean(nearest(name, names)), "unrecognized authentication option name: %s", quoted(name))
}

// optionValue checks the options whose values the server checks.
func (r *ruleParser) optionValue(t Token, name, value string) {
	switch name {
	case "clientcert", "clientname":
		r.certOption(t, name, value)
	case "ldapport":
		if n, err := strconv.Atoi(value); err != nil || n == 0 {
			r.fail(t, "", "invalid LDAP port number: %s", quoted(value))
		}
	case "ldapscheme":
		if value != "ldap" && value != "ldaps" {
			r.warn(t, "ldap or ldaps", "invalid ldapscheme value: %s", quoted(value))
		}
	case "ldapurl":
		if scheme, _, ok := strings.Cut(value, "://"); !ok || scheme != "ldap" && scheme != "ldaps" {
			r.fail(t, "it begins with ldap:// or ldaps://", "could not parse LDAP URL %s", quoted(value))
		}
	}
}

func (r *ruleParser) certOption(t Token, name, value string) {
	allowed := map[string][]string{"clientcert": {"verify-full", "verify-ca"}, "clientname": {"CN", "DN"}}[name]
	if name == "clientcert" && r.major < 14 {
		allowed = append(allowed, "no-verify", "0", "1")
	}
	switch {
	case r.rule.Type != HostSSL:
		r.fail(t, "write hostssl in the first column", "%s can only be configured for \"hostssl\" rows", name)
	case !slices.Contains(allowed, value):
		r.fail(t, "it is "+strings.Join(allowed, " or "), "invalid value for %s: %s", name, quoted(value))
	case value == "verify-ca" && r.rule.Method == Cert:
		r.fail(t, "", "clientcert can only be set to \"verify-full\" when using \"cert\" authentication")
	}
}

// mandatory checks what a method needs to have.
func (r *ruleParser) mandatory() {
	switch r.rule.Method {
	case "ldap":
		r.mandatoryLDAP()
	case "radius":
		r.need("radius", "radiusservers", "radiussecrets")
	case "oauth":
		r.need("oauth", "scope", "issuer")
		if r.has("map") && r.has("delegate_ident_mapping") {
			if v, _ := r.rule.Option("delegate_ident_mapping"); v == "1" {
				r.fail(r.last(), "", "map cannot be used in combination with delegate_ident_mapping")
			}
		}
	}
}

func (r *ruleParser) mandatoryLDAP() {
	simple := r.has("ldapprefix", "ldapsuffix")
	search := r.has("ldapbasedn", "ldapbinddn", "ldapbindpasswd", "ldapsearchattribute", "ldapsearchfilter", "ldapurl")
	switch {
	case simple && search:
		r.fail(r.last(), "", "cannot mix options for simple bind and search+bind modes")
	case !simple && !r.has("ldapbasedn", "ldapurl"):
		r.fail(r.last(), "", "authentication method \"ldap\" requires argument \"ldapbasedn\", \"ldapprefix\", or \"ldapsuffix\" to be set")
	case r.has("ldapsearchattribute") && r.has("ldapsearchfilter"):
		r.fail(r.last(), "", "cannot use ldapsearchattribute together with ldapsearchfilter")
	}
}

func (r *ruleParser) need(method string, names ...string) {
	for _, n := range names {
		if !r.has(n) {
			r.fail(r.last(), "", "authentication method %q requires argument %q to be set", method, n)
		}
	}
}

// has tells whether any of the options is there.
func (r *ruleParser) has(names ...string) bool {
	for _, n := range names {
		if _, ok := r.rule.Option(n); ok {
			return true
		}
	}
	return false
}
