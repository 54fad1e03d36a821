// Package routes holds the service's routes. The table itself is generated from api/routes.json.
package routes

// Route is one of them.
type Route struct{ Method, Path, Answer string }

// Find returns the answer of a route.
func Find(method, path string) (answer string, ok bool) {
	for _, route := range All {
		if route.Method == method && route.Path == path {
			return route.Answer, true
		}
	}
	return "", false
}
