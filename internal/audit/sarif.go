package audit

import (
	"encoding/json"
	"io"
)

// SARIF writes reports in the Static Analysis Results Interchange Format
// 2.1.0 (OASIS), which code hosts and editors show beside the files.
func SARIF(w io.Writer, reports []Report) error {
	var results []sarifResult
	for _, r := range reports {
		for _, f := range r.Findings {
			results = append(results, sarifOf(f, nil))
		}
		for _, f := range r.Waived {
			results = append(results, sarifOf(f.Finding, []sarifSuppression{{"external", "accepted", f.Reason}}))
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
			"tool":       map[string]any{"driver": map[string]any{"name": "landlord", "rules": sarifRules()}},
			"results":    results,
			"columnKind": "utf16CodeUnits",
		}},
	})
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
	FullDescription  sarifText `json:"fullDescription"`
	Help             sarifText `json:"help"`
	Default          struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

func sarifRules() []sarifRule {
	var rules []sarifRule
	for _, r := range Rules() {
		x := sarifRule{ID: r.Code, ShortDescription: sarifText{r.Title}, FullDescription: sarifText{r.Why}, Help: sarifText{r.Fix + " May break: " + r.Breaks}}
		x.Default.Level = sarifLevel(r.Severity)
		rules = append(rules, x)
	}
	return rules
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
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
	Physical *sarifPhysical `json:"physicalLocation,omitempty"`
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

func sarifOf(f Finding, suppressed []sarifSuppression) sarifResult {
	l := sarifLocation{Logical: []sarifLogical{{f.Object.String(), f.Object.Kind}}}
	if f.Place != nil {
		l.Physical = &sarifPhysical{}
		l.Physical.Artifact.URI = f.Place.File
		l.Physical.Region.StartLine = max(f.Place.Line, 1)
	}
	return sarifResult{
		RuleID: f.Code, Level: sarifLevel(f.Severity), Message: sarifText{f.Object.String() + ": " + f.What}, Locations: []sarifLocation{l},
		Fingerprints: map[string]string{"landlord/key": f.Key}, Suppressions: suppressed,
	}
}
