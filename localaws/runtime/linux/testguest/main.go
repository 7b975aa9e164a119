// Command testguest is what runs in the containers of this package's tests: a
// server that tells its peer's address, and a client.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/vishvananda/netlink"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch args[0] {
	case "serve": // serve PORT...: answers "<own host name> <peer address>"
		for _, port := range args[1:] {
			if err := serve(port); err != nil {
				return err
			}
		}
		select {}
	case "dial": // dial HOST:PORT
		c, err := net.DialTimeout("tcp4", args[1], 400*time.Millisecond)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Second))
		_, err = io.Copy(os.Stdout, c)
		return err
	case "send": // send HOST:PORT: sends one datagram
		return send(args[1])
	case "spoof": // spoof SOURCE HOST:PORT: sends one datagram under another address
		return spoof(args[1], args[2])
	case "token": // asks the metadata service for a session, as containers inside an instance do
		req, err := http.NewRequest(http.MethodPut, "http://169.254.169.254/latest/api/token", nil)
		if err != nil {
			return err
		}
		req.Header.Set("X-aws-ec2-metadata-token-ttl-seconds", "60")
		client := http.Client{Timeout: time.Second}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		fmt.Println(res.Status)
		return res.Body.Close()
	}
	return fmt.Errorf("unknown command %q", args[0])
}

func serve(port string) error {
	ln, err := net.Listen("tcp4", ":"+port)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			peer, _, _ := net.SplitHostPort(c.RemoteAddr().String())
			fmt.Fprintf(c, "%s %s\n", host, peer)
			c.Close()
		}
	}()
	pc, err := net.ListenPacket("udp4", ":"+port)
	if err != nil {
		return err
	}
	go func() {
		buf := make([]byte, 1500)
		for {
			_, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			fmt.Println("datagram from", from) // seen in the container's log
		}
	}()
	return nil
}

func send(addr string) error {
	c, err := net.DialTimeout("udp4", addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("x"))
	return err
}

func spoof(source, to string) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	ip := net.ParseIP(source)
	if err := netlink.AddrReplace(lo, &netlink.Addr{IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(32, 32)}}); err != nil {
		return err
	}
	raddr, err := net.ResolveUDPAddr("udp4", to)
	if err != nil {
		return err
	}
	c, err := net.DialUDP("udp4", &net.UDPAddr{IP: ip}, raddr)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("spoofed"))
	return err
}
