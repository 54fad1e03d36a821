package routes

import "testing"

func TestFind(t *testing.T) {
	if answer, ok := Find("GET", "/health"); !ok || answer == "" {
		t.Errorf("GET /health: %q, %v", answer, ok)
	}
	if _, ok := Find("DELETE", "/health"); ok {
		t.Error("DELETE /health is found")
	}
}
