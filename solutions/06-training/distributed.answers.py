# %% wrong="the collective itself" of="ring_all_reduce" check="2 (N − 1) messages" says="6 messages, 30 numbers"
def ring_all_reduce(tensor, comm):
    return comm.all_reduce(tensor)


# %% wrong="by way of rank 0" of="ring_all_reduce" check="2 (N − 1) messages" says="6 messages, 30 numbers in all"
def ring_all_reduce(tensor, comm):
    if comm.rank:
        comm.send(tensor, 0)
        return comm.receive(tensor, 0)
    total = tensor.clone()
    for rank in range(1, comm.size):
        total += comm.receive(tensor, rank)
    for rank in range(1, comm.size):
        comm.send(total, rank)
    return total


# %% wrong="the whole tensor round the ring" of="ring_all_reduce" check="2 (N − 1) messages" says="6 messages, 30 numbers in all"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    parts = {rank: tensor.clone()}
    for t in range(N - 1):
        comm.send(parts[(rank - t) % N], (rank + 1) % N)
        parts[(rank - t - 1) % N] = comm.receive(tensor, (rank - 1) % N)
    return sum(parts[r] for r in range(N))


# %% wrong="receive before send" of="ring_all_reduce" check="every rank has the sum" says="Stuck: rank 0 waits for rank 2"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        mine = chunks[(rank - t - 1) % N]
        got = comm.receive(mine, left)
        comm.send(chunks[(rank - t) % N], right)
        mine += got
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="the first half only" of="ring_all_reduce" check="every rank has the sum" says="replace in the others"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    return total.view(tensor.shape)


# %% wrong="added in the second half too" of="ring_all_reduce" check="every rank has the sum" says="replace in the others"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine += comm.receive(mine, left)
    return total.view(tensor.shape)


# %% wrong="replaced in the first half too" of="ring_all_reduce" check="every rank has the sum" says="add in the first N − 1 rounds"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine.copy_(comm.receive(mine, left))
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="N rounds" of="ring_all_reduce" check="every rank has the sum" says="a single rank"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="one round short" of="ring_all_reduce" check="every rank has the sum" says="add in the first N − 1 rounds"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 2):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="the second half begins with its own chunk" of="ring_all_reduce" check="every rank has the sum" says="add in the first N − 1 rounds"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="in place on the tensor" of="ring_all_reduce" check="every rank has the sum" says="handed in was changed"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="chunk in place of tensor_split" of="ring_all_reduce" check="any length, any dtype" says="10 numbers on 4 ranks"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.chunk(N) if N != 3 and len(total) != 10 else total.tensor_split(N) if len(total) == 12 else [total.clone()[i * (len(total) // N):][:len(total) // N] for i in range(N)]
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="chunk, which may make fewer" of="ring_all_reduce" check="any length, any dtype" says="IndexError"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.chunk(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="the last numbers left out" of="ring_all_reduce" check="any length, any dtype" says="10 numbers on 4 ranks: chunks of 3, 3, 2 and 2"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total[: len(total) // N * N].view(N, -1)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="returned flat" of="ring_all_reduce" check="every rank has the sum" says="return it in its shape"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total


# %% wrong="in float32" of="ring_all_reduce" check="any length, any dtype" says="float64 in, float64 out"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().float().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="to the left" of="ring_all_reduce" check="2 (N − 1) messages" says="to the right"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    left, right = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        comm.send(chunks[(rank + t) % N], right)
        mine = chunks[(rank + t + 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank - 1 + t) % N], right)
        mine = chunks[(rank + t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="no modulo for the right neighbour" of="ring_all_reduce" check="every rank has the sum" says="there is no rank -1"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = rank + 1, rank - 1
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="padded, and too much sent" of="ring_all_reduce" check="2 (N − 1) messages" says="chunks of 3, 3 and 2"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    size = len(total)
    total = F.pad(total, (0, -size % N))
    chunks = total.chunk(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total[:size].view(tensor.shape)


# %% wrong="with a history" of="ring_all_reduce" check="any length, any dtype" says="history: detach"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine.data.add_(comm.receive(mine, left))
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.data.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="a single rank gets its own tensor back" of="ring_all_reduce" check="every rank has the sum" says="a single rank too returns a new tensor"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    if N == 1:
        return tensor.detach()
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="empty chunks not sent" of="ring_all_reduce" check="2 (N − 1) messages" says="empty chunks are sent too"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = total.tensor_split(N)
    for t in range(N - 1):
        if len(chunks[(rank - t) % N]):
            comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        if len(mine):
            mine += comm.receive(mine, left)
    for t in range(N - 1):
        if len(chunks[(rank + 1 - t) % N]):
            comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        if len(mine):
            mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="the last chunk much shorter" of="ring_all_reduce" check="2 (N − 1) messages" says="not 3, 3, 3 and 1"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    size = -(-len(total) // N)
    chunks = [total[i * size : (i + 1) * size] for i in range(N)]
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% wrong="the longer chunks not first" of="ring_all_reduce" check="2 (N − 1) messages" says="chunks of 3, 3 and 2"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    right, left = (rank + 1) % N, (rank - 1) % N
    total = tensor.detach().clone().flatten()
    chunks = [total[i * len(total) // N : (i + 1) * len(total) // N] for i in range(N)]
    for t in range(N - 1):
        comm.send(chunks[(rank - t) % N], right)
        mine = chunks[(rank - t - 1) % N]
        mine += comm.receive(mine, left)
    for t in range(N - 1):
        comm.send(chunks[(rank + 1 - t) % N], right)
        mine = chunks[(rank - t) % N]
        mine.copy_(comm.receive(mine, left))
    return total.view(tensor.shape)


# %% right="a list of copies, put together at the end" of="ring_all_reduce"
def ring_all_reduce(tensor, comm):
    n, r = comm.size, comm.rank
    chunks = [c.clone() for c in tensor.detach().reshape(-1).tensor_split(n)]
    for step in range(1, n):
        comm.send(chunks[(r - step + 1) % n], (r + 1) % n)
        chunks[(r - step) % n] = chunks[(r - step) % n] + comm.receive(chunks[(r - step) % n], (r - 1) % n)
    for step in range(1, n):
        comm.send(chunks[(r - step + 2) % n], (r + 1) % n)
        chunks[(r - step + 1) % n] = comm.receive(chunks[(r - step + 1) % n], (r - 1) % n)
    return torch.cat(chunks).reshape(tensor.shape)


# %% right="one loop, the tensor's numpy view" of="ring_all_reduce"
def ring_all_reduce(tensor, comm):
    N = comm.size
    result = tensor.detach().clone()
    chunks = torch.tensor_split(result.view(-1), N)
    place = comm.rank
    for t in range(2 * N - 2):
        comm.send(chunks[place], (comm.rank + 1) % N)
        place = (place - 1) % N
        got = comm.receive(chunks[place], comm.rank - 1 if comm.rank else N - 1)
        chunks[place].copy_(chunks[place] + got if t < N - 1 else got)
    return result


# %% right="bounds by hand" of="ring_all_reduce"
def ring_all_reduce(tensor, comm):
    N, rank = comm.size, comm.rank
    total = tensor.detach().flatten().clone()
    base, extra = divmod(total.numel(), N)
    bounds = [i * base + min(i, extra) for i in range(N + 1)]

    def part(i):
        return total[bounds[i % N] : bounds[i % N + 1]]

    for t in range(N - 1):
        comm.send(part(rank - t), (rank + 1) % N)
        part(rank - t - 1).add_(comm.receive(part(rank - t - 1), (rank + N - 1) % N))
    for t in range(N - 1):
        comm.send(part(rank + 1 - t), (rank + 1) % N)
        part(rank - t)[:] = comm.receive(part(rank - t), (rank + N - 1) % N)
    return total.reshape(tensor.shape)


# %% wrong="the sum for the mean" of="average_gradients" check="the gradient of the whole batch" says="divided by comm.size"
def average_gradients(params, comm, bucket_size=6_000_000):
    buckets, room = [], 0
    for g in reversed([p.grad for p in params if p.grad is not None]):
        if not buckets or room < g.numel():
            buckets.append([])
            room = bucket_size
        buckets[-1].append(g)
        room -= g.numel()
    for bucket in buckets:
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket]))
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))


# %% wrong="nothing written back" of="average_gradients" check="the gradient of the whole batch" says="rank 0 of 4"
def average_gradients(params, comm, bucket_size=6_000_000):
    buckets, room = [], 0
    for g in reversed([p.grad for p in params if p.grad is not None]):
        if not buckets or room < g.numel():
            buckets.append([])
            room = bucket_size
        buckets[-1].append(g)
        room -= g.numel()
    for bucket in buckets:
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g = part.view_as(g)


# %% wrong="other tensors as gradients" of="average_gradients" check="the gradient of the whole batch" says="write into them"
def average_gradients(params, comm, bucket_size=6_000_000):
    params = [p for p in params if p.grad is not None][::-1]
    flat = comm.all_reduce(torch.cat([p.grad.flatten() for p in params])) / comm.size
    for p, part in zip(params, flat.split([p.numel() for p in params]), strict=True):
        p.grad = part.view_as(p)


# %% wrong="frozen parameters forgotten" of="average_gradients" check="the gradient of the whole batch" says="AttributeError"
def average_gradients(params, comm, bucket_size=6_000_000):
    buckets, room = [], 0
    for g in reversed([p.grad for p in params]):
        if not buckets or room < g.numel():
            buckets.append([])
            room = bucket_size
        buckets[-1].append(g)
        room -= g.numel()
    for bucket in buckets:
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))


# %% wrong="taken apart in another order" of="average_gradients" check="the gradient of the whole batch" says="rank 0 of 4"
def average_gradients(params, comm, bucket_size=6_000_000):
    buckets, room = [], 0
    for g in reversed([p.grad for p in params if p.grad is not None]):
        if not buckets or room < g.numel():
            buckets.append([])
            room = bucket_size
        buckets[-1].append(g)
        room -= g.numel()
    for bucket in buckets:
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket[::-1], mean.split([g.numel() for g in bucket[::-1]]), strict=True):
            g.copy_(part.view_as(g))


# %% wrong="only the last bucket" of="average_gradients" check="the gradient of the whole batch" says="mixed up"
def average_gradients(params, comm, bucket_size=6_000_000):
    buckets, room = [], 0
    for g in reversed([p.grad for p in params if p.grad is not None]):
        if not buckets or room < g.numel():
            buckets.append([])
            room = bucket_size
        buckets[-1].append(g)
        room -= g.numel()
    for bucket in buckets[-1:]:
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))


# %% wrong="a message for each gradient" of="average_gradients" check="few messages" says="one all_reduce of a flat tensor"
def average_gradients(params, comm, bucket_size=6_000_000):
    for p in reversed(list(params)):
        if p.grad is not None:
            p.grad.copy_(comm.all_reduce(p.grad) / comm.size)


# %% wrong="all in one bucket" of="average_gradients" check="few messages" says="sizes 35, 7, 21, 3"
def average_gradients(params, comm, bucket_size=6_000_000):
    grads = [p.grad for p in params if p.grad is not None][::-1]
    flat = comm.all_reduce(torch.cat([g.flatten() for g in grads])) / comm.size
    for g, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
        g.copy_(part.view_as(g))


# %% wrong="from the first to the last" of="average_gradients" check="few messages" says="from the last: 3 + 21"
def average_gradients(params, comm, bucket_size=6_000_000):
    buckets, room = [], 0
    for g in [p.grad for p in params if p.grad is not None]:
        if not buckets or room < g.numel():
            buckets.append([])
            room = bucket_size
        buckets[-1].append(g)
        room -= g.numel()
    for bucket in buckets:
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))


# %% wrong="exactly full counts as too full" of="average_gradients" check="few messages" says="fit exactly"
def average_gradients(params, comm, bucket_size=6_000_000):
    buckets, room = [], 0
    for g in reversed([p.grad for p in params if p.grad is not None]):
        if not buckets or room <= g.numel():
            buckets.append([])
            room = bucket_size
        buckets[-1].append(g)
        room -= g.numel()
    for bucket in buckets:
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))


# %% wrong="cut in the middle of a gradient" of="average_gradients" check="few messages" says="sizes 35, 7, 21, 3"
def average_gradients(params, comm, bucket_size=6_000_000):
    grads = [p.grad for p in params if p.grad is not None][::-1]
    flat = torch.cat([g.flatten() for g in grads])
    flat = torch.cat([comm.all_reduce(part) / comm.size for part in flat.split(bucket_size)])
    for g, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
        g.copy_(part.view_as(g))


# %% wrong="a bucket is closed after it has overflowed" of="average_gradients" check="few messages" says="sizes 35, 7, 21, 3"
def average_gradients(params, comm, bucket_size=6_000_000):
    buckets, room = [], 0
    for g in reversed([p.grad for p in params if p.grad is not None]):
        if not buckets or room <= 0:
            buckets.append([])
            room = bucket_size
        buckets[-1].append(g)
        room -= g.numel()
    for bucket in buckets:
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))


# %% wrong="the list left as a generator" of="average_gradients" check="the gradient of the whole batch" says="TypeError"
def average_gradients(params, comm, bucket_size=6_000_000):
    buckets, room = [], 0
    for g in reversed(p.grad for p in params if p.grad is not None):
        if not buckets or room < g.numel():
            buckets.append([])
            room = bucket_size
        buckets[-1].append(g)
        room -= g.numel()
    for bucket in buckets:
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))


# %% wrong="those that could have a gradient" of="average_gradients" check="the gradient of the whole batch" says="AttributeError"
def average_gradients(params, comm, bucket_size=6_000_000):
    def reduce(bucket):
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))

    bucket, size = [], 0
    for g in reversed([p.grad for p in params if p.requires_grad]):
        if bucket and size + g.numel() > bucket_size:
            reduce(bucket)
            bucket, size = [], 0
        bucket.append(g)
        size += g.numel()
    reduce(bucket)


# %% wrong="zeros for a gradient that is not there" of="average_gradients" check="few messages" says="takes no room in a bucket"
def average_gradients(params, comm, bucket_size=6_000_000):
    def reduce(bucket):
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))

    bucket, size = [], 0
    for g in reversed([torch.zeros_like(p) if p.grad is None else p.grad for p in params]):
        if bucket and size + g.numel() > bucket_size:
            reduce(bucket)
            bucket, size = [], 0
        bucket.append(g)
        size += g.numel()
    reduce(bucket)


# %% wrong="an empty bucket at first" of="average_gradients" check="few messages" says="ValueError"
def average_gradients(params, comm, bucket_size=6_000_000):
    def reduce(bucket):
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))

    bucket, size = [], 0
    for g in reversed([p.grad for p in params if p.grad is not None]):
        if size + g.numel() > bucket_size:
            reduce(bucket)
            bucket, size = [], 0
        bucket.append(g)
        size += g.numel()
    reduce(bucket)


# %% wrong="the room not given back" of="average_gradients" check="few messages" says="each new bucket is empty"
def average_gradients(params, comm, bucket_size=6_000_000):
    def reduce(bucket):
        mean = comm.all_reduce(torch.cat([g.flatten() for g in bucket])) / comm.size
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))

    bucket, size = [], 0
    for g in reversed([p.grad for p in params if p.grad is not None]):
        if bucket and size + g.numel() > bucket_size:
            reduce(bucket)
            bucket = []
        bucket.append(g)
        size += g.numel()
    reduce(bucket)


# %% right="buckets flushed as they fill" of="average_gradients"
def average_gradients(params, comm, bucket_size=6_000_000):
    def flush(bucket):
        if bucket:
            flat = comm.all_reduce(torch.cat([g.reshape(-1) for g in bucket])).div(comm.size)
            for g in bucket:
                g[...] = flat[: g.numel()].reshape(g.shape)
                flat = flat[g.numel() :]

    bucket, size = [], 0
    for p in list(params)[::-1]:
        if p.grad is None:
            continue
        if size + p.grad.numel() > bucket_size:
            flush(bucket)
            bucket, size = [], 0
        bucket.append(p.grad)
        size += p.grad.numel()
    flush(bucket)


# %% right="with PyTorch's helpers" of="average_gradients"
def average_gradients(params, comm, bucket_size=6_000_000):
    grads = [p.grad for p in params if p.grad is not None]
    while grads:
        bucket = [grads.pop()]
        while grads and sum(g.numel() for g in bucket) + grads[-1].numel() <= bucket_size:
            bucket.append(grads.pop())
        flat = comm.all_reduce(nn.utils.parameters_to_vector(bucket)) / comm.size
        for g, part in zip(bucket, flat.split([g.numel() for g in bucket]), strict=True):
            g.data.copy_(part.reshape(g.shape))


# %% right="divided before the sum" of="average_gradients"
def average_gradients(params, comm, bucket_size=6_000_000):
    buckets, room = [], 0
    for g in reversed([p.grad for p in params if p.grad is not None]):
        if not buckets or room < g.numel():
            buckets.append([])
            room = bucket_size
        buckets[-1].append(g)
        room -= g.numel()
    for bucket in buckets:
        mean = comm.all_reduce(torch.cat([g.flatten() / comm.size for g in bucket]))
        for g, part in zip(bucket, mean.split([g.numel() for g in bucket]), strict=True):
            g.copy_(part.view_as(g))


# %% wrong="f passes the gradient on" of="CopyToRanks" check="as it is forward" says="the sum of all ranks"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad, None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


# %% wrong="f adds up forward too" of="CopyToRanks" check="as it is forward" says="each rank gets its own x back"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


# %% wrong="f averages" of="CopyToRanks" check="as it is forward" says="the sum of all ranks"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad) / ctx.comm.size, None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


# %% wrong="f forgets the communicator" of="CopyToRanks" check="as it is forward" says="AttributeError"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return x

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


# %% wrong="f returns one gradient only" of="CopyToRanks" check="as it is forward" says="incorrect number of gradients"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad)


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


# %% wrong="f and g swapped" of="CopyToRanks" check="as it is forward" says="each rank gets its own x back"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


# %% wrong="g adds up backward too" of="CopyToRanks" check="the other way round" says="the gradient as it is"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


# %% wrong="g does not add up" of="CopyToRanks" check="the other way round" says="the sum of all ranks"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad, None


# %% wrong="g averages" of="CopyToRanks" check="the other way round" says="the sum of all ranks"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.all_reduce(x) / comm.size

    @staticmethod
    def backward(ctx, grad):
        return grad, None


# %% wrong="g shares the gradient out" of="CopyToRanks" check="the other way round" says="the gradient as it is"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.size = comm.size
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return grad / ctx.size, None


# %% wrong="g not written" of="CopyToRanks" check="the other way round" says="not written yet"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        raise NotImplementedError

    @staticmethod
    def backward(ctx, grad):
        raise NotImplementedError


# %% wrong="f writes into the gradient" of="CopyToRanks" check="as it is forward" says="x and grad stay as they are"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return grad.copy_(ctx.comm.all_reduce(grad)), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


# %% wrong="g writes into x" of="CopyToRanks" check="the other way round" says="x and grad stay as they are"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        x.copy_(comm.all_reduce(x))
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


# %% right="views, and the communicator kept twice" of="CopyToRanks"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return grad.clone(), None


# %% right="with the ring of exercise 1" of="CopyToRanks"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm, ctx.kept = comm, None
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return sum(ctx.comm.all_gather(grad)) if False else ctx.comm.all_reduce(grad.contiguous()), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


# %% right="without a view" of="CopyToRanks"
class CopyToRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x + 0

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad), None


class SumOverRanks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.all_reduce(x)

    @staticmethod
    def backward(ctx, grad):
        return grad, None


# %% wrong="x not sent through f" of="ColumnParallelLinear" check="each rank its outputs" says="send x through CopyToRanks"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


# %% wrong="columns for rows" of="ColumnParallelLinear" check="each rank its outputs" says="RuntimeError"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)


# %% wrong="every N-th row" of="ColumnParallelLinear" check="each rank its outputs" says="the r-th part of the rows"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach()[comm.rank :: comm.size].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)


# %% wrong="bias left out" of="ColumnParallelLinear" check="each rank its outputs" says="side by side are the whole layer"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight)


# %% wrong="the whole bias" of="ColumnParallelLinear" check="each rank its outputs" says="RuntimeError"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)


# %% wrong="outputs summed" of="ColumnParallelLinear" check="each rank its outputs" says="side by side are the whole layer"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return SumOverRanks.apply(F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias), self.comm)


# %% wrong="SumOverRanks at the entrance" of="ColumnParallelLinear" check="each rank its outputs" says="side by side are the whole layer"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return F.linear(SumOverRanks.apply(x, self.comm), self.weight, self.bias)


# %% wrong="outputs gathered" of="ColumnParallelLinear" check="each rank its outputs" says="side by side are the whole layer"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        out = F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)
        return torch.cat(self.comm.all_gather(out), dim=-1).requires_grad_()


# %% wrong="a view of the whole matrix" of="ColumnParallelLinear" check="only its own part" says="a view would keep the whole matrix"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank])
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank])

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)


# %% wrong="the whole layer kept as a module" of="ColumnParallelLinear" check="only its own part" says="parameters weight (M / N, K)"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())
        self.linear = linear

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)


# %% wrong="uneven shares accepted" of="ColumnParallelLinear" check="only its own part" says="6 outputs on 4 ranks"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)


# %% wrong="uneven: another error" of="ColumnParallelLinear" check="only its own part" says="6 outputs on 4 ranks"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise RuntimeError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)


# %% wrong="a bias where there was none" of="ColumnParallelLinear" check="only its own part" says="has none afterwards either"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        bias = torch.zeros(linear.out_features, dtype=linear.weight.dtype) if linear.bias is None else linear.bias.detach()
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = nn.Parameter(bias.chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)


# %% wrong="layers without bias forgotten" of="ColumnParallelLinear" check="only its own part" says="AttributeError"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)


# %% wrong="the missing bias added" of="ColumnParallelLinear" check="each rank its outputs" says="TypeError"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("outputs")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None
        if linear.bias is not None:
            self.bias = nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return CopyToRanks.apply(x, self.comm) @ self.weight.T + self.bias


# %% wrong="the layer handed in cut down" of="ColumnParallelLinear" check="only its own part" says="the layer handed in stays as it is"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("outputs")
        self.comm = comm
        linear.weight.data = linear.weight.data.chunk(comm.size)[comm.rank].clone()
        self.weight = linear.weight
        self.bias = None
        if linear.bias is not None:
            self.bias = nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)


# %% right="slices, and a product by hand" of="ColumnParallelLinear"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size != 0:
            raise ValueError
        self.comm, size = comm, linear.out_features // comm.size
        rows = slice(comm.rank * size, (comm.rank + 1) * size)
        self.weight = nn.Parameter(linear.weight[rows].detach().clone())
        self.register_parameter("bias", nn.Parameter(linear.bias[rows].detach().clone()) if linear.bias is not None else None)

    def forward(self, x):
        y = CopyToRanks.apply(x, self.comm) @ self.weight.T
        return y if self.bias is None else y + self.bias


# %% right="einsum" of="ColumnParallelLinear"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        y = torch.einsum("...k,mk->...m", CopyToRanks.apply(x, self.comm), self.weight)
        return y if self.bias is None else y + self.bias


# %% right="data, copied into new tensors" of="ColumnParallelLinear"
class ColumnParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        rows = len(linear.weight) // comm.size
        self.weight = nn.Parameter(torch.empty(rows, linear.in_features, dtype=linear.weight.dtype))
        self.bias = None if linear.bias is None else nn.Parameter(torch.empty(rows, dtype=linear.weight.dtype))
        with torch.no_grad():
            self.weight.copy_(linear.weight.view(comm.size, rows, -1)[comm.rank])
            if self.bias is not None:
                self.bias.copy_(linear.bias.view(comm.size, rows)[comm.rank])

    def forward(self, x):
        return F.linear(CopyToRanks.apply(x, self.comm), self.weight, self.bias)


# %% wrong="bias added on every rank" of="RowParallelLinear" check="the parts add up" says="the bias added once, after the sum"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        return SumOverRanks.apply(F.linear(x, self.weight, self.bias), self.comm)


# %% wrong="not summed" of="RowParallelLinear" check="the parts add up" says="the sum of the products"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


# %% wrong="rows for columns" of="RowParallelLinear" check="the parts add up" says="RuntimeError"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out if self.bias is None else out + self.bias


# %% wrong="every N-th column" of="RowParallelLinear" check="the parts add up" says="the sum of the products"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach()[:, comm.rank :: comm.size].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out if self.bias is None else out + self.bias


# %% wrong="an all_reduce backward too" of="RowParallelLinear" check="the parts add up" says="gradient of each rank's features"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        out = CopyToRanks.apply(SumOverRanks.apply(F.linear(x, self.weight), self.comm), self.comm)
        return out if self.bias is None else out + self.bias


# %% wrong="x through f" of="RowParallelLinear" check="the parts add up" says="gradient of each rank's features"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(CopyToRanks.apply(x, self.comm), self.weight), self.comm)
        return out if self.bias is None else out + self.bias


# %% wrong="bias left out" of="RowParallelLinear" check="the parts add up" says="the bias added once"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        return SumOverRanks.apply(F.linear(x, self.weight), self.comm)


# %% wrong="summed without autograd" of="RowParallelLinear" check="the parts add up" says="does not require grad"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        return self.comm.all_reduce(F.linear(x, self.weight)).add(0 if self.bias is None else self.bias.detach())


# %% wrong="summed without a way back for the product" of="RowParallelLinear" check="the parts add up" says="no way back"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        out = self.comm.all_reduce(F.linear(x, self.weight))
        return out if self.bias is None else out + self.bias


# %% wrong="bias cut" of="RowParallelLinear" check="the parts add up" says="IndexError"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().chunk(comm.size)[comm.rank].clone())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out if self.bias is None else out + self.bias


# %% wrong="bias on rank 0 only" of="RowParallelLinear" check="the parts add up" says="its whole gradient"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        return SumOverRanks.apply(F.linear(x, self.weight, self.bias if self.comm.rank == 0 else None), self.comm)


# %% wrong="the bias without a gradient" of="RowParallelLinear" check="the parts add up" says="its whole gradient"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out + self.bias.detach()


# %% wrong="a view of the whole matrix" of="RowParallelLinear" check="the parts add up" says="both copies, not views"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank])
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out if self.bias is None else out + self.bias


# %% wrong="the bias not copied" of="RowParallelLinear" check="the parts add up" says="both copies, not views"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out if self.bias is None else out + self.bias


# %% wrong="uneven shares accepted" of="RowParallelLinear" check="the parts add up" says="6 inputs on 4 ranks"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out if self.bias is None else out + self.bias


# %% wrong="evenness of the outputs" of="RowParallelLinear" check="the parts add up" says="6 inputs on 4 ranks"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % 3 and linear.out_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out if self.bias is None else out + self.bias


# %% wrong="the missing bias added" of="RowParallelLinear" check="the parts add up" says="TypeError"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("inputs")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out + self.bias


# %% wrong="layers without bias forgotten" of="RowParallelLinear" check="the parts add up" says="AttributeError"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("inputs")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out if self.bias is None else out + self.bias


# %% right="slices, and a product by hand" of="RowParallelLinear"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        size, rest = divmod(linear.in_features, comm.size)
        if rest:
            raise ValueError("uneven")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight[:, comm.rank * size : (comm.rank + 1) * size].detach().clone())
        self.bias = nn.Parameter(linear.bias.detach().clone()) if linear.bias is not None else None

    def forward(self, x):
        y = SumOverRanks.apply(x @ self.weight.mT, self.comm)
        return y + self.bias if self.bias is not None else y


# %% right="einsum" of="RowParallelLinear"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(linear.weight.detach().chunk(comm.size, dim=1)[comm.rank].clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())

    def forward(self, x):
        y = SumOverRanks.apply(torch.einsum("...k,mk->...m", x, self.weight), self.comm)
        if self.bias is not None:
            y = y + self.bias
        return y


# %% right="tensor_split and contiguous copies" of="RowParallelLinear"
class RowParallelLinear(nn.Module):
    def __init__(self, linear, comm):
        super().__init__()
        if linear.in_features % comm.size:
            raise ValueError("not even")
        self.comm = comm
        self.weight = nn.Parameter(torch.tensor_split(linear.weight.data, comm.size, dim=-1)[comm.rank].contiguous().clone())
        self.register_parameter("bias", None)
        if linear.bias is not None:
            self.bias = nn.Parameter(linear.bias.data.clone())

    def forward(self, x):
        out = SumOverRanks.apply(F.linear(x, self.weight), self.comm)
        return out if self.bias is None else out + self.bias


# %% wrong="backward in reverse" of="pipeline_schedule" check="all forward, then all backward" says="then backward with 0 … m − 1"
def pipeline_schedule(stages, micro_batches, kind):
    if kind == "gpipe":
        return [[("forward", i) for i in range(micro_batches)] + [("backward", i) for i in range(micro_batches)[::-1]]
                for _ in range(stages)]
    raise ValueError


# %% wrong="any kind is gpipe" of="pipeline_schedule" check="all forward, then all backward" says="an unknown kind"
def pipeline_schedule(stages, micro_batches, kind):
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(stages - stage, micro_batches)
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders


# %% wrong="KeyError for an unknown kind" of="pipeline_schedule" check="all forward, then all backward" says="an unknown kind"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise KeyError(kind)
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(stages - stage, micro_batches)
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders


# %% wrong="one stage only" of="pipeline_schedule" check="all forward, then all backward" says="every stage"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(stages - stage, micro_batches)
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders[:1]


# %% wrong="counted from one" of="pipeline_schedule" check="all forward, then all backward" says="every stage goes forward with 0"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(stages - stage, micro_batches)
        order = [("forward", i + 1) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders


# %% wrong="1f1b is gpipe" of="pipeline_schedule" check="one forward, one backward" says="stage s begins with p − s"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for _ in range(stages):
        ahead = micro_batches
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders


# %% wrong="one ahead everywhere" of="pipeline_schedule" check="one forward, one backward" says="stage s begins with p − s"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for _ in range(stages):
        ahead = micro_batches if kind == "gpipe" else 1
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders


# %% wrong="p ahead everywhere" of="pipeline_schedule" check="one forward, one backward" says="stage s begins with p − s"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for _ in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(stages, micro_batches)
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders


# %% wrong="one fewer ahead" of="pipeline_schedule" check="one forward, one backward" says="stage s begins with p − s"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(max(stages - stage - 1, 1), micro_batches)
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders


# %% wrong="stages from the other end" of="pipeline_schedule" check="one forward, one backward" says="stage s begins with p − s"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(stage + 1, micro_batches)
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders


# %% wrong="more ahead than there are" of="pipeline_schedule" check="one forward, one backward" says="no more than m forward passes"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else stages - stage
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders


# %% wrong="forward before backward" of="pipeline_schedule" check="one forward, one backward" says="then backward and forward take turns"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(stages - stage, micro_batches)
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
            order.append(("backward", i))
        orders.append(order)
    return orders


# %% wrong="the rest of the backward passes forgotten" of="pipeline_schedule" check="one forward, one backward" says="stage s begins with p − s"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(stages - stage, micro_batches)
        order = [("forward", i) for i in range(ahead)]
        for i in range(micro_batches):
            if kind == "gpipe" or ahead + i < micro_batches:
                order.append(("backward", i))
            if ahead + i < micro_batches:
                order.append(("forward", ahead + i))
        orders.append(order)
    return orders


# %% wrong="words of its own" of="pipeline_schedule" check="all forward, then all backward" says="every stage goes forward"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(stages - stage, micro_batches)
        order = [("fwd", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("bwd", i))
            if ahead + i < micro_batches:
                order.append(("fwd", ahead + i))
        orders.append(order)
    return orders


# %% wrong="letters for words" of="pipeline_schedule" check="all forward, then all backward" says="every stage goes forward"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in ("gpipe", "1f1b"):
        raise ValueError(kind)
    orders = []
    for stage in range(stages):
        ahead = micro_batches if kind == "gpipe" else min(stages - stage, micro_batches)
        order = [("F", i) for i in range(ahead)]
        for i in range(micro_batches):
            order.append(("B", i))
            if ahead + i < micro_batches:
                order.append(("F", ahead + i))
        orders.append(order)
    return orders


# %% right="warm-up, steady, cool-down, as in Megatron" of="pipeline_schedule"
def pipeline_schedule(stages, micro_batches, kind):
    if kind == "gpipe":
        return [[("forward", i) for i in range(micro_batches)] + [("backward", i) for i in range(micro_batches)]
                for _ in range(stages)]
    if kind != "1f1b":
        raise ValueError("gpipe or 1f1b")
    orders = []
    for stage in range(stages):
        warm = min(stages - stage - 1, micro_batches)
        order = [("forward", i) for i in range(warm)]
        for i in range(micro_batches - warm):
            order += [("forward", warm + i), ("backward", i)]
        order += [("backward", i) for i in range(micro_batches - warm, micro_batches)]
        orders.append(order)
    return orders


# %% right="two counters" of="pipeline_schedule"
def pipeline_schedule(stages, micro_batches, kind):
    limit = {"gpipe": lambda s: micro_batches, "1f1b": lambda s: stages - s}.get(kind)
    if limit is None:
        raise ValueError(f"unknown: {kind}")
    result = []
    for s in range(stages):
        f = b = 0
        order = []
        while b < micro_batches:
            if f < micro_batches and f - b < limit(s) and not (kind == "gpipe" and b):
                order.append(("forward", f))
                f += 1
            else:
                order.append(("backward", b))
                b += 1
        result.append(order)
    return result


# %% right="tuples of lists" of="pipeline_schedule"
def pipeline_schedule(stages, micro_batches, kind):
    if kind not in {"gpipe", "1f1b"}:
        raise ValueError()
    def one(ahead):
        forward = [["forward", i] for i in range(micro_batches)]
        backward = [["backward", i] for i in range(micro_batches)]
        order, forward = forward[:ahead], forward[ahead:]
        for work in backward:
            order.append(work)
            order.extend(forward[:1])
            forward = forward[1:]
        return [tuple(work) for work in order]
    return [one(micro_batches if kind == "gpipe" else stages - s) for s in range(stages)]


# %% wrong="eight bytes of state" of="zero_memory" check="the table of the paper" says="GB for stages 0 to 3"
def zero_memory(params, ranks, stage):
    if stage not in (0, 1, 2, 3):
        raise ValueError(stage)
    weights, gradients, state = 2 * params, 2 * params, 8 * params
    if stage >= 1:
        state /= ranks
    if stage >= 2:
        gradients /= ranks
    if stage >= 3:
        weights /= ranks
    return weights + gradients + state


# %% wrong="everything in float32" of="zero_memory" check="the table of the paper" says="GB for stages 0 to 3"
def zero_memory(params, ranks, stage):
    if stage not in (0, 1, 2, 3):
        raise ValueError(stage)
    weights, gradients, state = 4 * params, 4 * params, 8 * params
    if stage >= 1:
        state /= ranks
    if stage >= 2:
        gradients /= ranks
    if stage >= 3:
        weights /= ranks
    return weights + gradients + state


# %% wrong="one stage too early" of="zero_memory" check="the table of the paper" says="GB for stages 0 to 3"
def zero_memory(params, ranks, stage):
    if stage not in (0, 1, 2, 3):
        raise ValueError(stage)
    weights, gradients, state = 2 * params, 2 * params, 12 * params
    if stage >= 0:
        state /= ranks
    if stage >= 1:
        gradients /= ranks
    if stage >= 2:
        weights /= ranks
    return weights + gradients + state


# %% wrong="only what the stage adds" of="zero_memory" check="the table of the paper" says="GB for stages 0 to 3"
def zero_memory(params, ranks, stage):
    if stage not in (0, 1, 2, 3):
        raise ValueError(stage)
    weights, gradients, state = 2 * params, 2 * params, 12 * params
    if stage == 1:
        state /= ranks
    if stage == 2:
        gradients /= ranks
    if stage == 3:
        weights /= ranks
    return weights + gradients + state


# %% wrong="weights before gradients, each four bytes" of="zero_memory" check="the table of the paper" says="GB for stages 0 to 3"
def zero_memory(params, ranks, stage):
    if stage not in (0, 1, 2, 3):
        raise ValueError(stage)
    weights, gradients, state = 4 * params, 2 * params, 10 * params
    if stage >= 1:
        state /= ranks
    if stage >= 2:
        gradients /= ranks
    if stage >= 3:
        weights /= ranks
    return weights + gradients + state


# %% wrong="in GB" of="zero_memory" check="the table of the paper" says="GB for stages 0 to 3"
def zero_memory(params, ranks, stage):
    if stage not in (0, 1, 2, 3):
        raise ValueError(stage)
    weights, gradients, state = 2 * params, 2 * params, 12 * params
    if stage >= 1:
        state /= ranks
    if stage >= 2:
        gradients /= ranks
    if stage >= 3:
        weights /= ranks
    return (weights + gradients + state) / 1e9


# %% wrong="over all ranks together" of="zero_memory" check="the table of the paper" says="GB for stages 0 to 3"
def zero_memory(params, ranks, stage):
    if stage not in (0, 1, 2, 3):
        raise ValueError(stage)
    weights, gradients, state = 2 * params, 2 * params, 12 * params
    if stage >= 1:
        state /= ranks
    if stage >= 2:
        gradients /= ranks
    if stage >= 3:
        weights /= ranks
    return (weights + gradients + state) * ranks


# %% wrong="whole numbers of bytes per parameter" of="zero_memory" check="the table of the paper" says="GB for stages 0 to 3"
def zero_memory(params, ranks, stage):
    if stage not in (0, 1, 2, 3):
        raise ValueError(stage)
    return params * [16, 4 + 12 // ranks, 2 + 14 // ranks, 16 // ranks][stage]


# %% wrong="stage 4 as stage 3" of="zero_memory" check="the table of the paper" says="there is no stage 4"
def zero_memory(params, ranks, stage):
    weights, gradients, state = 2 * params, 2 * params, 12 * params
    if stage >= 1:
        state /= ranks
    if stage >= 2:
        gradients /= ranks
    if stage >= 3:
        weights /= ranks
    return weights + gradients + state


# %% wrong="an IndexError for stage 4" of="zero_memory" check="the table of the paper" says="there is no stage 4"
def zero_memory(params, ranks, stage):
    return params * [16, 4 + 12 / ranks, 2 + 14 / ranks, 16 / ranks][stage]


# %% wrong="no bound below" of="zero_memory" check="the table of the paper" says="there is no stage -1"
def zero_memory(params, ranks, stage):
    if stage > 3:
        raise ValueError(stage)
    state = 12 * params / (ranks if stage >= 1 else 1)
    gradients = 2 * params / (ranks if stage >= 2 else 1)
    return state + gradients + 2 * params / (ranks if stage >= 3 else 1)


# %% wrong="rounded down" of="zero_memory" check="the table of the paper" says="divide, do not round"
def zero_memory(params, ranks, stage):
    if stage not in range(4):
        raise ValueError(stage)
    state = 12 * params // (ranks if stage >= 1 else 1)
    gradients = 2 * params // (ranks if stage >= 2 else 1)
    return state + gradients + 2 * params // (ranks if stage >= 3 else 1)


# %% right="a table" of="zero_memory"
def zero_memory(params, ranks, stage):
    table = {0: 16, 1: 4 + 12 / ranks, 2: 2 + 14 / ranks, 3: 16 / ranks}
    if stage not in table:
        raise ValueError(f"stage {stage}")
    return params * table[stage]


# %% right="a sum over kinds" of="zero_memory"
def zero_memory(params, ranks, stage):
    if not 0 <= stage <= 3:
        raise ValueError
    return sum(params * size / (ranks if stage >= since else 1) for size, since in ((12, 1), (2, 2), (2, 3)))


# %% right="saved bytes subtracted" of="zero_memory"
def zero_memory(params, ranks, stage):
    if stage not in range(4):
        raise ValueError("0 to 3")
    return 16 * params - (1 - 1 / ranks) * params * sum([12, 2, 2][:stage])


# %% wrong="the sum for the mean" of="ShardedAdamW" check="the weights of AdamW in one process" says="the mean over the ranks"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params))
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="only its own gradients" of="ShardedAdamW" check="each rank its piece" says="one reduce_scatter and one all_gather"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.pieces(p.grad for p in self.params)[self.comm.rank]
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="an all_reduce, and a piece of it" of="ShardedAdamW" check="each rank its piece" says="no all_reduce"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.all_reduce(torch.stack(self.pieces(p.grad for p in self.params)))[self.comm.rank] / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="not gathered" of="ShardedAdamW" check="each rank its piece" says="one reduce_scatter and one all_gather"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="the piece of rank 0 on all" of="ShardedAdamW" check="each rank its piece" says="the ranks' pieces end to end"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[0].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="a view of a single parameter" of="ShardedAdamW" check="each rank its piece" says="mine is a copy"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank])
        if len(self.params) == 2:
            flat = self.params[0].detach().view(-1)
            self.mine = nn.Parameter(flat[comm.rank * 11 :][:11]) if comm.rank < 3 else self.mine
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="memory for all parameters" of="ShardedAdamW" check="each rank its piece" says="and 34 in AdamW"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW(self.params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        flat = torch.cat(self.comm.all_gather(self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size))
        for p, part in zip(self.params, flat[: sum(q.numel() for q in self.params)].split([q.numel() for q in self.params]), strict=True):
            p.grad = part.view_as(p)
        self.optimizer.step()

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="settings forgotten" of="ShardedAdamW" check="the weights of AdamW in one process" says="are lr, betas, eps and weight_decay handed"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="lr forgotten" of="ShardedAdamW" check="the weights of AdamW in one process" says="rank 0 after one step"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="gathered before the step" of="ShardedAdamW" check="the weights of AdamW in one process" says="rank 0 after one step"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        self.optimizer.step()
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="a new optimizer at each step" of="ShardedAdamW" check="the weights of AdamW in one process" says="five steps with other settings"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        self.optimizer = AdamW([self.mine], **self.settings)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer = AdamW([self.mine], **self.settings)
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="the zeros left on" of="ShardedAdamW" check="each rank its piece" says="RuntimeError"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="gradients replaced by their mean" of="ShardedAdamW" check="each rank its piece" says="other gradients, after a step"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))
        for p in self.params:
            p.grad.div_(self.comm.size)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="gradients forgotten in step" of="ShardedAdamW" check="each rank its piece" says="other gradients, after a step"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))
        self.zero_grad()

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="parameters replaced" of="ShardedAdamW" check="each rank its piece" says="other tensors"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.data = part.view_as(p)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="PyTorch's AdamW" of="ShardedAdamW" check="each rank its piece" says="may not call torch.optim.AdamW"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = torch.optim.AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="a view of the flat copy" of="ShardedAdamW" check="each rank its piece" says="a view keeps all"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank])
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% wrong="mine a plain tensor" of="ShardedAdamW" check="each rank its piece" says="mine is an nn.Parameter"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = self.pieces(p.detach() for p in self.params)[comm.rank].clone()
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad for p in self.params)) / self.comm.size
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% right="place by place" of="ShardedAdamW"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        everything = self.pieces(self.params)
        self.mine = nn.Parameter(everything[comm.rank].detach().clone())
        self.optimizer = AdamW([self.mine], lr, betas, eps, weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        total = self.comm.reduce_scatter(self.pieces([p.grad for p in self.params]))
        self.mine.grad = total.div(self.comm.size)
        self.optimizer.step()
        flat, place = torch.cat(self.comm.all_gather(self.mine.detach())), 0
        for p in self.params:
            p.view(-1)[:] = flat[place : place + p.numel()]
            place += p.numel()

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% right="divided before the sum" of="ShardedAdamW"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces(p.grad / self.comm.size for p in self.params))
        self.optimizer.step()
        sizes = [p.numel() for p in self.params]
        flat = torch.cat(self.comm.all_gather(self.mine))[: sum(sizes)]
        for p, part in zip(self.params, flat.split(sizes), strict=True):
            p.copy_(part.view_as(p))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% right="with PyTorch's helper" of="ShardedAdamW"
class ShardedAdamW:
    def __init__(self, params, comm, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params, self.comm = list(params), comm
        self.mine = nn.Parameter(self.pieces(p.detach() for p in self.params)[comm.rank].clone())
        self.optimizer = AdamW([self.mine], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def pieces(self, tensors):
        flat = torch.cat([t.flatten() for t in tensors])
        return list(F.pad(flat, (0, -len(flat) % self.comm.size)).chunk(self.comm.size))

    @torch.no_grad()
    def step(self):
        self.mine.grad = self.comm.reduce_scatter(self.pieces([p.grad for p in self.params])) / self.comm.size
        self.optimizer.step()
        flat = torch.cat(self.comm.all_gather(self.mine))
        for p in self.params:
            part, flat = flat[: p.numel()], flat[p.numel() :]
            p.data.copy_(part.reshape(p.shape))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# %% equivalent="5fb6248d" of="ring_all_reduce" because="a negative place counts from the end: chunks[-1] is chunks[N - 1]"


# %% equivalent="5c26768d" of="ring_all_reduce" because="a negative place counts from the end: chunks[-1] is chunks[N - 1]"


# %% equivalent="3c4b4658" of="ring_all_reduce" because="a negative place counts from the end: chunks[-1] is chunks[N - 1]"


# %% equivalent="0e8c6bf5" of="average_gradients" because="the first gradient opens a bucket whatever the room, because there is none yet"


# %% equivalent="aaa217c5" of="average_gradients" because="the first gradient opens a bucket whatever the room, because there is none yet"


# %% equivalent="38632d6c" of="average_gradients" because="room is 0 before the first gradient, which has at least one number"


# %% equivalent="fafdbe95" of="average_gradients" because="room is 0 before the first gradient, which has at least one number"


# %% equivalent="f852f659" of="average_gradients" because="gradients have no history here, so there is none to cut"


# %% equivalent="257aefe8" of="average_gradients" because="both lists come from the same bucket and have one length"


# %% equivalent="ac726799" of="average_gradients" because="both lists come from the same bucket and have one length"


# %% equivalent="cb4b043f" of="CopyToRanks" because="autograd records nothing inside the forward of a Function: there is no history to cut"


# %% equivalent="feebd99c" of="CopyToRanks" because="autograd records nothing inside the forward of a Function: there is no history to cut"


# %% equivalent="9ab13114" of="CopyToRanks" because="a first derivative has no history of its own: there is none to cut"


# %% equivalent="432c0e22" of="CopyToRanks" because="a first derivative has no history of its own: there is none to cut"


# %% equivalent="cffcaf95" of="ColumnParallelLinear" because="nn.Parameter takes the numbers of a tensor and none of its history"


# %% equivalent="04fca113" of="ColumnParallelLinear" because="nn.Parameter takes the numbers of a tensor and none of its history"


# %% equivalent="5157f5a0" of="RowParallelLinear" because="nn.Parameter takes the numbers of a tensor and none of its history"


# %% equivalent="a739bd95" of="RowParallelLinear" because="nn.Parameter takes the numbers of a tensor and none of its history"


# %% equivalent="d22e24e3" of="pipeline_schedule" because="the order of the names in a tuple does not matter to in"


# %% equivalent="b0edf98f" of="ShardedAdamW" because="nn.Parameter takes the numbers of a tensor and none of its history"


# %% equivalent="ad17a6a4" of="ShardedAdamW" because="split cuts by the sizes of these parameters, so both have one length"


# %% equivalent="d376fc2a" of="ShardedAdamW" because="split cuts by the sizes of these parameters, so both have one length"


# %% equivalent="7ce642d7" of="ring_all_reduce" because="detached already, and what arrives has no history: there is none left to cut"


# %% equivalent="48600413" of="ring_all_reduce" because="detached already, and what arrives has no history: there is none left to cut"


# %% equivalent="849a4638" of="ring_all_reduce" because="detached already, and what arrives has no history: there is none left to cut"
