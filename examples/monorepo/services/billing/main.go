// Command billing adds up.
package main

import (
	"fmt"
	"os"

	"example.com/shop/lib/money"
)

var version = "unknown"

func total(cents ...int64) string {
	var sum int64
	for _, one := range cents {
		sum += one
	}
	return "to pay: " + money.Format(sum)
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println("billing", version)
		return
	}
	fmt.Println(total(350, 1205))
}
