// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"time"
)

const branches = 8

// A root, 8 children, 8 leaves of each: made and cancelled at the root.
func cancelTree(n int) {
	for i := 0; i < n; i++ {
		root, cancel := context.WithCancel(context.Background())
		for j := 0; j < branches; j++ {
			child, cancelChild := context.WithCancel(root)
			_ = cancelChild
			for k := 0; k < branches; k++ {
				_, cancelLeaf := context.WithCancel(child)
				_ = cancelLeaf
			}
		}
		cancel()
	}
}

func timeoutAndCancel(n int) {
	for i := 0; i < n; i++ {
		_, cancel := context.WithTimeout(context.Background(), time.Hour)
		cancel()
	}
}

func startAndStop(n int) {
	for i := 0; i < n; i++ {
		timer := time.NewTimer(time.Hour)
		timer.Stop()
	}
}

var contextWorks = map[string]work{
	"cancel-tree":    {run: cancelTree},
	"timeout-cancel": {run: timeoutAndCancel},
	"timer":          {run: startAndStop},
}
