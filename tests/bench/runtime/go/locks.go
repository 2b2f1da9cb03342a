// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
)

const (
	crowd = 8
	keys  = 1024
)

var (
	mutex   sync.Mutex
	rwmutex sync.RWMutex
	table   sync.Map
	once    sync.Once
	shared  int
)

func lockAlone(n int) {
	for i := 0; i < n; i++ {
		mutex.Lock()
		mutex.Unlock()
	}
}

func addUnderLock(n int) {
	for i := 0; i < n; i++ {
		mutex.Lock()
		shared++
		mutex.Unlock()
	}
}

func yieldUnderLock(n int) {
	for i := 0; i < n; i++ {
		mutex.Lock()
		shared++
		runtime.Gosched()
		mutex.Unlock()
	}
}

func readLockAlone(n int) {
	for i := 0; i < n; i++ {
		rwmutex.RLock()
		rwmutex.RUnlock()
	}
}

// Two that signal each other in turn.
func condHop(n int) {
	var m sync.Mutex
	cond := sync.NewCond(&m)
	turn, players := 0, 0
	fanOut(2, n, func(each int) {
		m.Lock()
		me := players
		players++
		for i := 0; i < each; i++ {
			for turn != me {
				cond.Wait()
			}
			turn = 1 - me
			cond.Signal()
		}
		m.Unlock()
	})
}

func fillTable() {
	for key := 0; key < keys; key++ {
		table.Store(key, key)
	}
}

func load(n int) {
	for i := 0; i < n; i++ {
		table.Load(i & (keys - 1))
	}
}

func onceDone(n int) {
	for i := 0; i < n; i++ {
		once.Do(func() {})
	}
}

var lockWorks = map[string]work{
	"mutex":            {run: lockAlone},
	"mutex-8":          {run: func(n int) { fanOut(crowd, n, addUnderLock) }},
	"mutex-8-yielding": {run: func(n int) { fanOut(crowd, n, yieldUnderLock) }},
	"read-lock":        {run: readLockAlone},
	"read-lock-8":      {run: func(n int) { fanOut(crowd, n, readLockAlone) }},
	"cond-hop":         {run: condHop},
	"map-load":         {prepare: fillTable, run: load},
	"once":             {run: onceDone},
}
