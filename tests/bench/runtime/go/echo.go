// SPDX-License-Identifier: MIT

package main

import (
	"net"
	"strings"
)

func echo(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err = connection.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// Echoes whatever it reads, a goroutine per connection, until it is killed. Address: unix:PATH or tcp:HOST:PORT.
func echoServer(address string) {
	network, place, _ := strings.Cut(address, ":")
	listener, err := net.Listen(network, place)
	if err != nil {
		panic(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go echo(connection)
	}
}
