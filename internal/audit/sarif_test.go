package audit

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
	"testing"
)

// TestSARIF: the result has what the schema of 2.1.0 and code hosts ask for:
// rules with texts and a place to read on, results that point to their rule,
// with a file, a line and a fingerprint.
func TestSARIF(t *testing.T) {
	in := clean()
	in.Name = "the server"
	for _, change := range []string{"hba-trust", "role-createrole", "db-public-connect"} {
		fires[change](in)
	}
	var b bytes.Buffer
	if err := SARIF(&b, JudgeAll([]Input{*in}, nil)); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID, Name, HelpURI                       string
						ShortDescription, FullDescription, Help struct{ Text string }
						Default                                 struct{ Level string } `json:"defaultConfiguration"`
						Properties                              map[string]any
					}
				}
			}
			Results []struct {
				RuleID, Level string
				RuleIndex     int
				Message       struct{ Text string }
				Fingerprints  map[string]string `json:"partialFingerprints"`
				Locations     []struct {
					Physical struct {
						Artifact struct{ URI string } `json:"artifactLocation"`
						Region   struct{ StartLine int }
					} `json:"physicalLocation"`
				}
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	level := regexp.MustCompile("^(error|warning|note)$")
	for _, r := range run.Tool.Driver.Rules {
		if u, err := url.Parse(r.HelpURI); err != nil || !u.IsAbs() || r.ID == "" || r.Name == "" || r.ShortDescription.Text == "" || r.FullDescription.Text == "" || r.Help.Text == "" || !level.MatchString(r.Default.Level) || r.Properties["security-severity"] == "" {
			t.Errorf("rule %+v: %v", r, err)
		}
	}
	if log.Version != "2.1.0" || len(run.Tool.Driver.Rules) != len(Rules()) || len(run.Results) < 3 {
		t.Fatalf("%s, %d rules, %d results", log.Version, len(run.Tool.Driver.Rules), len(run.Results))
	}
	for _, r := range run.Results {
		at := r.Locations[0].Physical
		if _, err := url.Parse(at.Artifact.URI); err != nil || at.Artifact.URI == "" || at.Region.StartLine < 1 || run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || !level.MatchString(r.Level) || r.Message.Text == "" || len(r.Fingerprints) == 0 {
			t.Errorf("result %+v: %v", r, err)
		}
	}
}

func TestFileURI(t *testing.T) {
	for name, want := range map[string]string{"pg_hba.conf": "pg_hba.conf", "./a b/c.conf": "a%20b/c.conf", "/etc/x y": "file:///etc/x%20y", "-": "stdin", "a:b": "./a:b", "the server": "the%20server"} {
		if got := fileURI(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
