package audit

import (
	"encoding/json"
	"io"
	"net/url"
	"path"
)

// SARIF writes reports in the Static Analysis Results Interchange Format
// 2.1.0 (OASIS), which code hosts and editors show beside the files. Code hosts
// ask for a file and a line of each result: what stands in a catalog is on the
// first line of what was judged. A server that was to be judged and could not be
// makes the run one without success.
func SARIF(w io.Writer, o Output) error {
	rules, index := sarifRules(), map[string]int{}
	for i, r := range rules {
		index[r.ID] = i
	}
	var results []sarifResult
	for _, r := range o.Reports {
		for _, f := range r.Findings {
			results = append(results, sarifOf(r.Name, index[f.Code], f, nil))
		}
		for _, f := range r.Waived {
			results = append(results, sarifOf(r.Name, index[f.Finding.Code], f.Finding, []sarifSuppression{{"external", "accepted", f.Reason}}))
		}
	}
	if results == nil {
		results = []sarifResult{}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []any{map[string]any{
			"tool":        map[string]any{"driver": map[string]any{"name": "landlord", "rules": rules}},
			"results":     results,
			"invocations": []any{invocation(o)},
			"columnKind":  "utf16CodeUnits",
		}},
	})
}

// invocation says how the run went: of which servers nothing is known.
func invocation(o Output) map[string]any {
	said := []map[string]any{}
	for _, m := range o.NotJudged {
		level := "error"
		if m.Stopped {
			level = "note"
		}
		said = append(said, map[string]any{"level": level, "message": sarifText{"Server " + m.Name + " was not judged: " + m.Reason}})
	}
	return map[string]any{"executionSuccessful": o.Unreached() == 0, "toolExecutionNotifications": said}
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	Name             string    `json:"name"`
	ShortDescription sarifText `json:"shortDescription"`
	FullDescription  sarifText `json:"fullDescription"`
	Help             sarifText `json:"help"`
	HelpURI          string    `json:"helpUri"`
	Default          struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties sarifProperties `json:"properties"`
}

// sarifProperties are those that code hosts sort by.
type sarifProperties struct {
	Tags     []string `json:"tags"`
	Severity string   `json:"security-severity"` // 0.0 to 10.0
}

// manuals are where the matter of each subject is told.
var manuals = map[Subject]string{
	Roles: "role-attributes.html", Memberships: "role-membership.html", Databases: "ddl-priv.html", Objects: "ddl-priv.html",
	Defaults: "sql-alterdefaultprivileges.html", RowSecurity: "ddl-rowsecurity.html", HBA: "client-authentication.html", ServerWide: "runtime-config.html",
}

func manualOf(s Subject) string {
	if page := manuals[s]; page != "" {
		return "https://www.postgresql.org/docs/current/" + page
	}
	return "https://www.pgbouncer.org/config.html"
}

func sarifRules() []sarifRule {
	var rules []sarifRule
	for _, r := range Rules() {
		x := sarifRule{ID: r.Code, Name: r.Code, HelpURI: manualOf(r.Subject), Properties: sarifProperties{[]string{"security", string(r.Subject)}, []string{"", "9.5", "8.0", "5.5", "3.0", "1.0"}[r.Severity]}, ShortDescription: sarifText{r.Title}, FullDescription: sarifText{r.Why}, Help: sarifText{r.Fix + " May break: " + r.Breaks}}
		x.Default.Level = sarifLevel(r.Severity)
		rules = append(rules, x)
	}
	return rules
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations"`
}

type sarifPhysical struct {
	Artifact struct {
		URI string `json:"uri"`
	} `json:"artifactLocation"`
	Region struct {
		StartLine int `json:"startLine"`
	} `json:"region"`
}

type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

func sarifLevel(s Severity) string {
	switch s {
	case Critical, High:
		return "error"
	case Medium:
		return "warning"
	}
	return "note"
}

// sarifOf is a finding about what is called name, by the rule of that index.
func sarifOf(name string, rule int, f Finding, suppressed []sarifSuppression) sarifResult {
	l := sarifLocation{Logical: []sarifLogical{{f.Where(), f.Object.Kind}}}
	l.Physical.Artifact.URI, l.Physical.Region.StartLine = fileURI(name), 1
	if f.Place != nil {
		l.Physical.Artifact.URI, l.Physical.Region.StartLine = fileURI(f.Place.File), max(f.Place.Line, 1)
	}
	return sarifResult{
		RuleID: f.Code, RuleIndex: rule, Level: sarifLevel(f.Severity),
		Message: sarifText{f.Where() + ": " + f.What}, Locations: []sarifLocation{l},
		Fingerprints: map[string]string{"landlord/key": f.ID()}, Suppressions: suppressed,
	}
}

// fileURI is a file's name as a URI: relative, or absolute with its scheme. The
// standard input, and a server, have a name that stands for them.
func fileURI(name string) string {
	switch {
	case name == "-" || name == "":
		return "stdin"
	case path.IsAbs(name):
		return (&url.URL{Scheme: "file", Path: path.Clean(name)}).String()
	}
	return (&url.URL{Path: path.Clean(name)}).String()
}
