// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	firstWakes = 6 * time.Second // after the start: later than the last is started
	lastWakes  = 8 * time.Second
)

// Bytes that the process has resident, page tables included.
func memory() float64 {
	kilobytes := 0.0
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "VmRSS:") || strings.HasPrefix(line, "VmPTE:") {
			value, _ := strconv.ParseFloat(strings.Fields(line)[1], 64)
			kilobytes += value
		}
	}
	return kilobytes * 1024
}

// What passed since two readings, by the clock and of CPU, as name and name-cpu: ns each.
func tellSince(began time.Time, usedBefore int64, n int, name string) {
	tell(name, float64(time.Since(began))/float64(n))
	tell(name+"-cpu", float64(cpuNow()-usedBefore)/float64(n))
}

func parkRound(n int, park, wake string) {
	runtime.GC()
	before := memory()
	gate := make(chan int)
	var up, group sync.WaitGroup
	began, usedBefore := time.Now(), cpuNow()
	up.Add(n)
	group.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			up.Done()
			<-gate
			group.Done()
		}()
	}
	up.Wait()
	tellSince(began, usedBefore, n, park)
	if park == "cold" {
		tell("bytes", (memory()-before)/float64(n))
	}
	began, usedBefore = time.Now(), cpuNow()
	close(gate)
	group.Wait()
	tellSince(began, usedBefore, n, wake)
}

// Twice: the second round finds what the first has left.
func park(n int) {
	parkRound(n, "cold", "wake")
	parkRound(n, "pooled", "wake-pooled")
}

func sleepers(n int) {
	var group sync.WaitGroup
	var late int64
	group.Add(n)
	usedBefore := cpuNow()
	began := time.Now()
	x := uint64(88172645463325252)
	for i := 0; i < n; i++ {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		at := firstWakes + time.Duration(x%uint64(lastWakes-firstWakes))
		go func() {
			time.Sleep(at - time.Since(began))
			atomic.AddInt64(&late, int64(time.Since(began)-at))
			group.Done()
		}()
	}
	tell("started-s", time.Since(began).Seconds())
	group.Wait()
	tell("cpu", float64(cpuNow()-usedBefore)/float64(n))
	tell("late-us", float64(late)/float64(n)/1e3)
}

// Go gives a goroutine its stack where it is started: one that is queued takes what one that is parked does.
var manyWorks = map[string]work{
	"parked":   {report: park},
	"sleepers": {report: sleepers},
}
