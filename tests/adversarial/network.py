"""Network of every kind. Only loopback, and addresses that are reserved for documentation, are ever tried."""

from __future__ import annotations

from tests.adversarial.cases import foiled

CASES = [
    foiled("connects to a listener on the host", "for family, place in ((socket.AF_INET, ('127.0.0.1', @PORT@)), (socket.AF_INET, ('0.0.0.0', @PORT@)), (socket.AF_INET6, ('::1', @PORT@)), (socket.AF_INET6, ('::ffff:127.0.0.1', @PORT@))):\n"
        "    def connect():\n        with socket.socket(family) as s:\n            s.settimeout(0.5)\n            s.connect(place)\n    attempt(place, connect)", bites=True),
    foiled("connects to the world", "for family, place in ((socket.AF_INET, ('192.0.2.1', 80)), (socket.AF_INET6, ('2001:db8::1', 443))):\n    def connect():\n        with socket.socket(family) as s:\n            s.settimeout(0.5)\n            s.connect(place)\n    attempt(place, connect)"),
    foiled("sends datagrams", "for family, place in ((socket.AF_INET, ('192.0.2.1', 53)), (socket.AF_INET, ('255.255.255.255', 9)), (socket.AF_INET6, ('2001:db8::1', 53)), (socket.AF_INET, ('224.0.0.251', 5353))):\n"
        "    def send():\n        with socket.socket(family, socket.SOCK_DGRAM) as s:\n            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)\n            s.sendto(b'x', place)\n    attempt(place, send)"),
    foiled("asks for names", "attempt('name', lambda: socket.getaddrinfo('host.invalid', 80))\nattempt('own name', lambda: [a for a in socket.getaddrinfo('example.invalid', 80)])\nattempt('files', lambda: open('/etc/resolv.conf').read())"),
    foiled("opens raw and packet sockets", "attempt('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))\nattempt('packet', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))\n"
        "def ping():\n    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as s:\n        s.settimeout(0.5)\n        s.sendto(b'\\x08\\0\\0\\0\\0\\0\\0\\0', ('192.0.2.1', 1))\nattempt('ping', ping)"),
    foiled("opens sockets to the machine's host, which no network namespace holds back", "attempt('vsock', lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).family)\nattempt('vsock datagrams', lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_DGRAM).family)\n"
        "attempt('bluetooth', lambda: socket.socket(31, socket.SOCK_STREAM, 3).family)\nattempt('can', lambda: socket.socket(29, socket.SOCK_RAW, 1).family)\nattempt('tipc', lambda: socket.socket(30, socket.SOCK_SEQPACKET).family)"),
    foiled("talks through Unix sockets of the host", "for place in ('@CANARY@/socket', '\\0adversarial-canary-@PORT@', '/run/docker.sock', '/run/dbus/system_bus_socket', '/run/systemd/private', '/tmp/.X11-unix/X0'):\n    def connect():\n        with socket.socket(socket.AF_UNIX) as s:\n            s.settimeout(0.5)\n            s.connect(place)\n    attempt(place, connect)", bites=True),
    foiled("fetches pages", "import urllib.request\nfor url in ('http://127.0.0.1:@PORT@/', 'http://192.0.2.1/', 'ftp://192.0.2.1/'):\n    attempt(url, lambda: urllib.request.urlopen(url, timeout=0.5).read())\n"
        "def failed(program):\n    try:\n        ended = subprocess.run(program, capture_output=True, timeout=3)\n    except (FileNotFoundError, subprocess.TimeoutExpired):\n        return\n    if ended.returncode == 0: done.append(program[0])\n"
        "failed(['curl', '-m', '1', 'http://127.0.0.1:@PORT@/'])\nfailed(['wget', '-T', '1', '-t', '1', '-O', '/dev/null', 'http://127.0.0.1:@PORT@/'])\nfailed(['bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/@PORT@'])"),
    foiled("makes network interfaces", "names = [name for _, name in socket.if_nameindex()]\nif names != ['lo'] and names: done.append(names)\nimport fcntl, struct\n"
        "def up():\n    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:\n        fcntl.ioctl(s, 0x8914, struct.pack('16sH14s', b'lo', 0, b''))\nattempt('lo down', up)\nattempt('tun', lambda: os.open('/dev/net/tun', os.O_RDWR))\n"
        "attempt('routes', lambda: [line for line in open('/proc/net/route').read().splitlines()[1:]] or (_ for _ in ()).throw(OSError('none')))"),
]  # fmt: skip
