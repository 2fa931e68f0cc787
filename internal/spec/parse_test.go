package spec

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// mistake is an Error without what a test does not care about.
type mistake struct {
	Line, Column int
	Path         string
	Message      string
	Suggestion   string
}

func mistakes(t *testing.T, text string) []mistake {
	t.Helper()
	_, err := Parse("landlord.yaml", []byte(text))
	if err == nil {
		return nil
	}
	var list []mistake
	for _, e := range err.(*Errors).List {
		list = append(list, mistake{e.Line, e.Column, e.Path, e.Message, e.Suggestion})
	}
	return list
}

func TestTemplateIsValid(t *testing.T) {
	e, err := Parse("landlord.yaml", Template())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("again.yaml", Write(e))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, again, cmpopts.EquateComparable()); diff != "" {
		t.Errorf("written and read again (-want +got):\n%s", diff)
	}
}

// TestTemplateRemarksAreValid takes the "#" away from each remark that is a key.
func TestTemplateRemarksAreValid(t *testing.T) {
	text := regexp.MustCompile(`(?m)^( *)# (journal:|  file: /var/log|profiles:|  small:|  large:|    limits:|profile:|suspended:)`).ReplaceAllString(string(Template()), "$1$2")
	e, err := Parse("landlord.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if acme := e.Tenants[0]; !acme.Suspended || acme.Limits.Connections != 5 || e.Journal.File == "" {
		t.Errorf("%+v, %+v", acme, e.Journal)
	}
}
