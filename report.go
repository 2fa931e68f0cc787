package landlord

import (
	"landlord/internal/access"
	"landlord/internal/audit"
	"landlord/internal/report"
)

// Report is what the page about a server shows: who reaches what, by which
// ways, and what the audit finds. The input's time is the caller's to set.
func Report(in audit.Input) report.Model {
	return ReportAll([]audit.Input{in}, nil)
}

func model(in audit.Input, judged audit.Report) report.Model {
	return report.Build(access.Prepare(in.Snapshot), judged, audit.Residents(in))
}
