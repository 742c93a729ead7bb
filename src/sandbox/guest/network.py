"""Connects programs to the proxy of their sandbox, which is the only way out. Executed when a program imports `socket`, so that others pay nothing.

All clients in Python open their connections by `socket.socket.connect`, and resolve names by `socket.getaddrinfo`, which are replaced here. Names
resolve to substitutes, because only the proxy resolves them. A connection is a Unix socket to the proxy that takes the descriptor of the program's
socket once the proxy has agreed."""

import os

CERTIFICATES = "/etc/ssl/cert.pem"
HANDSHAKE_SECONDS = 30
MAX_HEAD = 16_384
SERVICES = {"http": 80, "https": 443, "ws": 80, "wss": 443, "postgresql": 5432, "redis": 6379}
SO_DOMAIN = 39


def install(socket, network):
    """Replaces functions of the module `socket`. `network` has the path of the proxy and the hosts of the policy; None: the program has no network."""
    import errno

    real = socket.socket
    connect, connect_ex = real.connect, real.connect_ex
    setsockopt, getsockopt = real.setsockopt, real.getsockopt
    getaddrinfo = socket.getaddrinfo
    allow = network["allow"] if network else []
    substitutes, names = {}, {}

    def name_of(host):
        if isinstance(host, (bytes, bytearray)):
            host = bytes(host).decode("ascii", "replace")
        return host.lower().rstrip(".") if isinstance(host, str) else None

    def is_literal(host):
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                socket.inet_pton(family, host)
                return True
            except (OSError, ValueError):
                pass
        return False

    def is_local(host):
        if host in ("", "localhost", "::1", "::", "0.0.0.0") or (host.startswith("127.") and is_literal(host)):
            return not any(each == host or each.startswith(authority(host, "")) for each in allow)
        return False

    def authority(host, port):
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def no_network(host, port):
        pattern = host if port in (None, 80, 443) else authority(host, port)
        return f"this function has no network: add network: ['{pattern}'] to its config"

    def port_of(port):
        if isinstance(port, (bytes, bytearray)):
            port = bytes(port).decode("ascii", "replace")
        if port is None or isinstance(port, int):
            return port
        return SERVICES[port] if port in SERVICES else int(port)

    def substitute(host):
        if host not in substitutes:
            count = len(substitutes) + 1
            # Addresses that no network uses (RFC 2544).
            substitutes[host] = f"198.{18 + (count >> 16 & 1)}.{count >> 8 & 255}.{count & 255}"
            names[substitutes[host]] = host
        return substitutes[host]

    def resolve(host, port, family=0, type=0, proto=0, flags=0):
        name = name_of(host)
        if name is None or is_local(name) or is_literal(name) or flags & socket.AI_NUMERICHOST:
            return getaddrinfo(host, port, family, type, proto, flags)
        number = port_of(port)
        if network is None:
            raise socket.gaierror(socket.EAI_AGAIN, no_network(name, number))
        if family not in (0, socket.AF_INET) or type not in (0, socket.SOCK_STREAM):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (substitute(name), number or 0))]

    def target_of(sock, address):
        """Returns host and port if the connection leaves the sandbox, otherwise None."""
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
            return None
        host = name_of(address[0]) if isinstance(address, tuple) and len(address) >= 2 else None
        if host is None or host not in names and is_local(host):
            return None
        host = names.get(host, host)
        if network is None:
            raise OSError(errno.ENETUNREACH, no_network(host, address[1]))
        return host, address[1]

    def question(host, port):
        name = authority(host, port)
        return f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode("ascii", "replace")

    def answered(tunnel, target):
        """Reads the answer of the proxy, and not one byte of what follows it. Returns False if it is incomplete."""
        start = tunnel.recv(MAX_HEAD, socket.MSG_PEEK)
        end = start.find(b"\r\n\r\n")
        if end < 0 and start and len(start) < MAX_HEAD:
            return False
        line = start.split(b"\r\n", 1)[0].decode("latin1")
        if end < 0 or not line.startswith("HTTP/1.1 200 "):
            reason = line.partition(" ")[2].partition(" ")[2] or f"the proxy has closed the connection to {authority(*target)}"
            raise ConnectionRefusedError(errno.ECONNREFUSED, reason)
        tunnel.recv(end + 4)
        return True

    def take_over(sock, tunnel):
        timeout = sock.gettimeout()
        os.dup2(tunnel.fileno(), sock.fileno(), False)
        # Whether a descriptor blocks is a property of the new connection.
        sock.settimeout(timeout)

    def connect_through(self, address):
        target = target_of(self, address)
        if target is None:
            return connect(self, address)
        with real(socket.AF_UNIX, socket.SOCK_STREAM) as tunnel:
            # A socket that does not block is connected at once as well: only an event loop could wait.
            tunnel.settimeout(self.gettimeout() or HANDSHAKE_SECONDS)
            connect(tunnel, network["proxy"])
            tunnel.sendall(question(*target))
            while not answered(tunnel, target):
                pass
            take_over(self, tunnel)

    def connect_ex_through(self, address):
        if target_of(self, address) is None:
            return connect_ex(self, address)
        try:
            connect_through(self, address)
        except OSError as error:
            return error.errno or errno.ECONNREFUSED
        return 0

    async def connect_in_loop(loop, sock, address):
        """Does what `connect_through` does, without blocking the event loop."""
        target = target_of(sock, address)
        if target is None:
            return await connect_in_loop.original(loop, sock, address)
        with real(socket.AF_UNIX, socket.SOCK_STREAM) as tunnel:
            connect(tunnel, network["proxy"])
            tunnel.setblocking(False)
            await loop.sock_sendall(tunnel, question(*target))
            while True:
                readable = loop.create_future()
                loop.add_reader(tunnel.fileno(), lambda: readable.done() or readable.set_result(None))
                try:
                    await readable
                finally:
                    loop.remove_reader(tunnel.fileno())
                if answered(tunnel, target):
                    break
            take_over(sock, tunnel)

    def is_tunnel(sock):
        return getsockopt(sock, socket.SOL_SOCKET, SO_DOMAIN) == socket.AF_UNIX

    def set_option(self, level, *rest):
        # Options of TCP and IP, such as TCP_NODELAY, have no meaning for the connection to the proxy.
        if level != socket.SOL_SOCKET and self.family != socket.AF_UNIX and is_tunnel(self):
            return None
        return setsockopt(self, level, *rest)

    def get_option(self, level, *rest):
        if level != socket.SOL_SOCKET and self.family != socket.AF_UNIX and is_tunnel(self):
            return 0
        return getsockopt(self, level, *rest)

    def patch_loop(module):
        loop = module.BaseSelectorEventLoop
        connect_in_loop.original = loop.sock_connect
        loop.sock_connect = connect_in_loop

    def lookup(host):
        return resolve(host, None, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]

    real.connect, real.connect_ex = connect_through, connect_ex_through
    real.setsockopt, real.getsockopt = set_option, get_option
    socket.getaddrinfo, socket.gethostbyname = resolve, lookup
    if network and os.path.exists(CERTIFICATES):
        os.environ.setdefault("SSL_CERT_FILE", CERTIFICATES)
    return patch_loop
