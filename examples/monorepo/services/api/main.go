// Command api says what things cost.
package main

import (
	"fmt"
	"os"

	"example.com/shop/lib/money"
	"example.com/shop/lib/text"
)

var version = "unknown"

func answer(name string, cents int64) string {
	return text.Title(name) + money.Format(cents)
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println("api", version)
		return
	}
	fmt.Println(answer("tea", 350))
}
