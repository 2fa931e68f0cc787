package spec

import (
	"fmt"
	"time"

	"landlord/internal/tenant"
)

// auditKeys are the keys of what landlord audit goes by.
func auditKeys() []Key {
	return []Key{
		{Path: "audit", Type: Mapping, Default: "no waivers", Example: "{require_expiry: true}",
			Doc: "What landlord audit goes by."},
		{Path: "audit.require_expiry", Type: Bool, Default: "false", Example: "true",
			Doc: "Whether each login must have a date on which its password ends (VALID UNTIL)."},
		{Path: "audit.waivers", Type: Mapping, Default: "none", Example: `{"hba-md5:*": {reason: the old client goes in spring, until: "2027-03-31"}}`,
			Doc: "Findings that you know of and live with for a while. They are counted, and not reported."},
		{Path: "audit.waivers.NAME", Type: Mapping, Example: `{reason: the old client goes in spring, until: "2027-03-31"}`,
			Doc: "One finding by its key, as audit prints it with -v and in JSON; * stands for any part of it. With a server's name and / before it, it counts on that server alone."},
		{Path: "audit.waivers.NAME.reason", Type: Text, Required: true, Example: "the old client goes in spring",
			Doc: "Why it is so, for whoever reads it next."},
		{Path: "audit.waivers.NAME.until", Type: Text, Required: true, Example: `"2027-03-31"`,
			Doc: "The last day on which the waiver counts, as YYYY-MM-DD. After it, the finding is back."},
	}
}

func (d *decoder) readAudit(n *node) {
	d.mapping(n, "audit", "audit", func(key, path string, _ position, v *node) {
		switch key {
		case "require_expiry":
			d.audit.RequireExpiry, _ = d.bool(v, path)
		case "waivers":
			d.mapping(v, path, "audit.waivers", d.waiver)
		}
	})
}

func (d *decoder) waiver(finding, path string, at position, n *node) {
	w := tenant.Waiver{Finding: finding}
	dated := false
	d.mapping(n, path, "audit.waivers.NAME", func(key, path string, _ position, v *node) {
		switch key {
		case "reason":
			w.Reason, _ = d.checked(v, path, notEmpty)
		case "until":
			dated = true
			if text, ok := d.checked(v, path, isDay); ok {
				w.Until, _ = time.Parse(time.DateOnly, text)
			}
		}
	})
	if w.Reason == "" && (n.kind == mapping || n.kind == null) {
		d.errs.add(at, path, "reason is missing: a waiver without one is forgotten by everybody")
	}
	if !dated && (n.kind == mapping || n.kind == null) {
		d.errs.add(at, path, `until is missing: the last day on which the waiver counts, such as "2027-03-31"`)
	}
	d.audit.Waivers = append(d.audit.Waivers, w)
}

func isDay(text string) error {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return fmt.Errorf("%q is no day: write it as YYYY-MM-DD", text)
	}
	return nil
}

func (w *writer) audit(a tenant.Audit) {
	if !a.RequireExpiry && len(a.Waivers) == 0 {
		return
	}
	w.key(0, "audit")
	if a.RequireExpiry {
		w.value(1, "require_expiry", "true")
	}
	if len(a.Waivers) > 0 {
		w.key(1, "waivers")
	}
	for _, x := range a.Waivers {
		w.key(2, x.Finding)
		w.value(3, "reason", quote(x.Reason))
		w.value(3, "until", quote(x.Until.Format(time.DateOnly)))
	}
}
