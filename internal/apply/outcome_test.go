package apply

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"landlord/internal/plan"
)

// TestResultAsJSON pins the contract of landlord apply --output json.
func TestResultAsJSON(t *testing.T) {
	r := Result{Applied: 2, Failed: []Outcome{
		{Group: "tenant acme", Tenant: "acme", Steps: 3, Ran: []plan.Step{{Why: "not shown"}},
			Err: &StepError{Step: plan.Step{Why: "role acme is missing"}, SQL: "CREATE ROLE acme", State: "42710", Err: errors.New("it exists")}},
		{Group: "pg_hba.conf", Steps: 1, Err: errors.New("not readable")},
	}}
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"applied":2,"failed":[` +
		`{"group":"tenant acme","tenant":"acme","steps":3,"error":"role acme is missing: CREATE ROLE acme: it exists","sqlstate":"42710","next":"somebody else has made it in the meantime: plan again"},` +
		`{"group":"pg_hba.conf","steps":1,"error":"not readable"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}
