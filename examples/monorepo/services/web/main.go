// Command web shows the shop.
package main

import (
	"fmt"
	"os"

	"example.com/shop/lib/text"
)

var version = "unknown"

func page(name string) string {
	return "<h1>" + text.Title(name) + "</h1>"
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println("web", version)
		return
	}
	fmt.Println(page("shop"))
}
