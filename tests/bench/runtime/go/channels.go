// SPDX-License-Identifier: MIT

package main

import "sync"

const (
	capacity = 128
	pairs    = 8
)

// Two unbuffered channels, one message there and one back a round.
func hop(n int) {
	there, back := make(chan int), make(chan int)
	go func() {
		for value := range there {
			back <- value
		}
		close(back)
	}()
	for i := 0; i < n; i += 2 {
		there <- i
		<-back
	}
	close(there)
	<-back
}

func messages(pairs, n int) {
	line := make(chan int, capacity)
	each := n/pairs + 1
	var senders, receivers sync.WaitGroup
	senders.Add(pairs)
	receivers.Add(pairs)
	for i := 0; i < pairs; i++ {
		go func() {
			for k := 0; k < each; k++ {
				line <- k
			}
			senders.Done()
		}()
		go func() {
			for range line {
			}
			receivers.Done()
		}()
	}
	senders.Wait()
	close(line)
	receivers.Wait()
}

func select2(n int) {
	a, b := make(chan int), make(chan int)
	go func() {
		for i := 0; i < n; i++ {
			if i&1 == 0 {
				a <- i
			} else {
				b <- i
			}
		}
	}()
	for i := 0; i < n; i++ {
		select {
		case <-a:
		case <-b:
		}
	}
}

func select8(n int) {
	var c [8]chan int
	for i := range c {
		c[i] = make(chan int)
	}
	go func() {
		for i := 0; i < n; i++ {
			c[i&7] <- i
		}
	}()
	for i := 0; i < n; i++ {
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		case <-c[4]:
		case <-c[5]:
		case <-c[6]:
		case <-c[7]:
		}
	}
}

var channelWorks = map[string]work{
	"hop":        {run: hop},
	"messages-1": {run: func(n int) { messages(1, n) }},
	"messages-8": {run: func(n int) { messages(pairs, n) }},
	"select-2":   {run: select2},
	"select-8":   {run: select8},
}
