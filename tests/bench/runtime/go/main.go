// SPDX-License-Identifier: MIT

// Measures one work on Go's runtime, as ../main.c does on ours: same works, same names, same figures.
//
//	usage: runtime-go WORK PROCS SECONDS [COUNT]
//	       runtime-go echo-server PROCS ADDRESS
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const windows = 5

// A work has either run, which does n operations and which main times, or report, which measures itself.
type work struct {
	prepare func()
	run     func(n int)
	report  func(n int)
}

var tables = []map[string]work{switchingWorks, channelWorks, lockWorks, contextWorks, manyWorks}

func tell(figure string, value float64) {
	fmt.Printf("%s\t%.3f\n", figure, value)
}

// CPU that the process has used, in ns.
func cpuNow() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// Calls body(n / count + 1) in count goroutines and waits for all.
func fanOut(count, n int, body func(n int)) {
	var group sync.WaitGroup
	each := n/count + 1
	group.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			body(each)
			group.Done()
		}()
	}
	group.Wait()
}

func measure(w work, n int) (wall, cpu float64) {
	usedBefore := cpuNow()
	began := time.Now()
	w.run(n)
	return float64(time.Since(began)), float64(cpuNow() - usedBefore)
}

// How many operations a window takes.
func calibrate(w work, ns float64) int {
	n := 1
	wall, _ := measure(w, n)
	for wall < ns/2 && n < 1<<60 {
		wanted := float64(n) * 8
		if wall > 0 && float64(n)*ns/wall < wanted {
			wanted = float64(n)*ns/wall + 1
		}
		n = int(wanted)
		wall, _ = measure(w, n)
	}
	return n
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

func run(w work, seconds float64, count int) {
	if w.prepare != nil {
		w.prepare()
	}
	if w.report != nil {
		w.report(count)
		return
	}
	n := calibrate(w, seconds*1e9/windows)
	var walls, cpus []float64
	for i := 0; i < windows; i++ {
		wall, cpu := measure(w, n)
		walls = append(walls, wall/float64(n))
		cpus = append(cpus, cpu/float64(n))
	}
	tell("wall", median(walls))
	tell("cpu", median(cpus))
}

func find(name string) (work, bool) {
	for _, table := range tables {
		if w, ok := table[name]; ok {
			return w, true
		}
	}
	return work{}, false
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: runtime-go WORK PROCS SECONDS [COUNT]")
		os.Exit(2)
	}
	procs, _ := strconv.Atoi(os.Args[2])
	runtime.GOMAXPROCS(procs)
	if os.Args[1] == "echo-server" {
		echoServer(os.Args[3])
		return
	}
	w, ok := find(os.Args[1])
	if !ok {
		fmt.Fprintln(os.Stderr, "runtime-go: no such work:", os.Args[1])
		os.Exit(2)
	}
	seconds, _ := strconv.ParseFloat(os.Args[3], 64)
	count := 1000000
	if len(os.Args) > 4 {
		count, _ = strconv.Atoi(os.Args[4])
	}
	run(w, seconds, count)
}
