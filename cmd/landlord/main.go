// Command landlord gives each customer of a PostgreSQL server a house of
// their own, and proves that the walls hold.
package main

import (
	"os"

	"landlord/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], cli.Process())) }
