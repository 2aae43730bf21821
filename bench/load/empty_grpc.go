// An empty gRPC server: every call gets the same 150 bytes. What grpc-go itself costs, as a floor.
//
// It prints its address and serves until its standard input ends.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

type message struct{ bytes []byte }

// codec hands bytes through as they are.
type codec struct{}

func (codec) Marshal(v interface{}) ([]byte, error) { return v.(*message).bytes, nil }

func (codec) Unmarshal(data []byte, v interface{}) error {
	v.(*message).bytes = data
	return nil
}

func (codec) Name() string { return "proto" }

var answer = &message{make([]byte, 150)}

func call(_ interface{}, _ context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
	if err := decode(new(message)); err != nil {
		return nil, err
	}
	return answer, nil
}

func main() {
	for i := range answer.bytes {
		answer.bytes[i] = 'x'
	}
	encoding.RegisterCodec(codec{})
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bench.Empty",
		HandlerType: (*interface{})(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Call", Handler: call}},
	}, struct{}{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	_ = server.Serve(listener)
}
