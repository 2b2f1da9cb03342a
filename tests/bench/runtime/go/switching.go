// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"time"
)

const batch = 1000

func yieldOften(n int) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
}

func spawn(group *sync.WaitGroup, count int) {
	group.Add(count)
	for i := 0; i < count; i++ {
		go group.Done()
	}
	group.Wait()
}

func spawnInBatches(n int) {
	var group sync.WaitGroup
	for i := 0; i < n; i += batch {
		spawn(&group, batch)
	}
}

func spawnAll(n int) {
	var group sync.WaitGroup
	usedBefore := cpuNow()
	began := time.Now()
	spawn(&group, n)
	tell("wall", float64(time.Since(began))/1e6)
	tell("cpu", float64(cpuNow()-usedBefore)/1e6)
}

var switchingWorks = map[string]work{
	"yield-2":       {run: func(n int) { fanOut(2, n, yieldOften) }},
	"yield-1000":    {run: func(n int) { fanOut(1000, n, yieldOften) }},
	"spawn-batches": {run: spawnInBatches},
	"spawn-all":     {report: spawnAll},
}
