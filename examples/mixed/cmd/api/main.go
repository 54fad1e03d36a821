// Command api answers one request, given as its arguments, and says how it is configured.
package main

import (
	"fmt"
	"os"
	"strings"

	"example.com/mixed/internal/routes"
)

func main() {
	database := os.Getenv("DATABASE_URL")
	if database == "" {
		fmt.Fprintln(os.Stderr, "api: DATABASE_URL is not set")
		os.Exit(2)
	}
	if strings.EqualFold(os.Getenv("LOG_LEVEL"), "debug") {
		fmt.Fprintf(os.Stderr, "debug: database %s, %d routes\n", database, len(routes.All))
	}
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: api METHOD PATH")
		os.Exit(2)
	}
	answer, ok := routes.Find(os.Args[1], os.Args[2])
	if !ok {
		fmt.Fprintln(os.Stderr, "api: no such route")
		os.Exit(1)
	}
	fmt.Println(answer)
}
