# %% wrong="filter turned upside down" of="conv2d" check="laid over each patch" says="not turned upside down"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight.flip(2, 3))
    return out if bias is None else out + bias[:, None, None]


# %% wrong="height and width exchanged in the windows" of="conv2d" check="laid over each patch" says="2 × 3 places"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(3, kw, stride).unfold(2, kh, stride)
    out = torch.einsum("bcyxuv,ocvu->boxy", windows, weight)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="a filter turned on its side" of="conv2d" check="laid over each patch" says="laid on as it is"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight.mT.reshape(weight.shape))
    return out if bias is None else out + bias[:, None, None]


# %% wrong="the mean of the products" of="conv2d" check="laid over each patch" says="1·1 + 2·2 + 0·0 − 1·3 = 2"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight) / (kh * kw)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="first channel only" of="conv2d" check="adds up all channels" says="sum over the channels too"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x[:, :1], (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight[:, :1])
    return out if bias is None else out + bias[:, None, None]


# %% wrong="channels summed before the filter" of="conv2d" check="adds up all channels" says="own table for each channel"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x.sum(1), (padding,) * 4)
    windows = x.unfold(1, kh, stride).unfold(2, kw, stride)
    out = torch.einsum("byxuv,ocuv->boyx", windows, weight)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="one filter for all outputs" of="conv2d" check="adds up all channels" says="each filter's own table"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,cuv->byx", windows, weight[0])[:, None].repeat(1, len(weight), 1, 1)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="bias along the width" of="conv2d" check="adds up all channels" says="must match the size of tensor b"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight)
    return out if bias is None else out + bias


# %% wrong="bias forgotten" of="conv2d" check="adds up all channels" says="bias[o] is added to output channel o"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    return torch.einsum("bcyxuv,ocuv->boyx", windows, weight)


# %% wrong="bias asked for its truth" of="conv2d" check="adds up all channels" says="Boolean value of Tensor"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight)
    return out + bias[:, None, None] if bias else out


# %% wrong="a buffer of float32" of="conv2d" check="adds up all channels" says="float64 stays float64"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.zeros(x.shape[0], len(weight), *windows.shape[2:4])
    out += torch.einsum("bcyxuv,ocuv->boyx", windows, weight)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="the axes as (B, H_out, W_out, O)" of="conv2d" check="stride is the step" says="expected shape (2, 5, 4, 3)"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->byxo", windows, weight)
    return out if bias is None else out + bias


# %% wrong="the stride in the columns only" of="conv2d" check="gradients reach" says="repair the checks above first"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, 1).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="stride ignored" of="conv2d" check="stride is the step" says="in steps of 2: at rows 0, 2, 4 and 6"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, 1).unfold(3, kw, 1)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="stride inside the patch" of="conv2d" check="stride is the step" says="in steps of 2"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    outputs, _, kh, kw = weight.shape
    windows = F.unfold(x, (kh, kw), dilation=stride, padding=padding)
    side = x.shape[2] + 2 * padding - stride * (kh - 1)
    out = (weight.flatten(1) @ windows).view(len(x), outputs, side, -1)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="columns counted from the right end" of="conv2d" check="stride is the step" says="what does not fit is left out at the end"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    cols = (x.shape[3] - kw) // stride + 1
    every = torch.einsum("bcyxuv,ocuv->boyx", x.unfold(2, kh, 1).unfold(3, kw, 1), weight)
    start = (every.shape[3] - 1) - (cols - 1) * stride
    out = every[:, :, ::stride, start::stride]
    return out if bias is None else out + bias[:, None, None]


# %% wrong="padding ignored" of="conv2d" check="padding surrounds" says="keep height and width"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="padding on two sides only" of="conv2d" check="padding surrounds" says="one row or column of zeros on each of the four"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (0, 2 * padding, 0, 2 * padding))
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="columns padded, rows not" of="conv2d" check="padding surrounds" says="keep height and width"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding, padding))
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="the border repeated" of="conv2d" check="padding surrounds" says="zeros on each of the four sides"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4, mode="replicate")
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="the result padded" of="conv2d" check="padding surrounds" says="before the filter"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = F.pad(torch.einsum("bcyxuv,ocuv->boyx", windows, weight), (padding,) * 4)
    return out if bias is None else out + bias[:, None, None]


# %% wrong="everything detached" of="conv2d" check="gradients reach" says="the result is cut off from x"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x, weight = F.pad(x.detach(), (padding,) * 4), weight.detach()
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight)
    return out if bias is None else out + bias.detach()[:, None, None]


# %% wrong="weight detached" of="conv2d" check="gradients reach" says="no detach"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.einsum("bcyxuv,ocuv->boyx", windows, weight.detach())
    return out if bias is None else out + bias[:, None, None]


# %% wrong="through NumPy" of="conv2d" check="gradients reach" says="Can't call numpy() on Tensor that requires grad"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(2, 3))[:, :, ::stride, ::stride]
    out = torch.from_numpy(np.einsum("bcyxuv,ocuv->boyx", windows, weight.numpy()))
    return out if bias is None else out + bias[:, None, None]


# %% wrong="the forbidden function" of="conv2d" check="stride is the step" says="may not call torch.nn.functional.conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    return F.conv2d(x, weight, bias, stride, padding)


# %% wrong="the forbidden function by its other name" of="conv2d" check="stride" says="may not call torch.conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    return torch.conv2d(x, weight, bias, stride, padding)


# %% right="with F.unfold and one matrix product" of="conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    outputs, _, kh, kw = weight.shape
    columns = F.unfold(x, (kh, kw), padding=padding, stride=stride)  # (B, C·kh·kw, places)
    rows = (x.shape[2] + 2 * padding - kh) // stride + 1
    out = (weight.view(outputs, -1) @ columns).view(x.shape[0], outputs, rows, -1)
    return out if bias is None else out + bias.view(1, -1, 1, 1)


# %% right="a loop over the filter" of="conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    (outputs, _, kh, kw), (_, _, H, W) = weight.shape, x.shape
    x = F.pad(x, (padding, padding, padding, padding))
    rows, cols = (H + 2 * padding - kh) // stride + 1, (W + 2 * padding - kw) // stride + 1
    out = 0
    for u in range(kh):
        for v in range(kw):
            part = x[:, :, u : u + (rows - 1) * stride + 1 : stride, v : v + (cols - 1) * stride + 1 : stride]
            out = out + torch.einsum("bcyx,oc->boyx", part, weight[:, :, u, v])
    if bias is not None:
        out = out + bias.reshape(1, outputs, 1, 1)
    return out


# %% right="a loop over the places" of="conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    out = torch.stack([
        torch.stack([(x[:, None, :, i : i + kh, j : j + kw] * weight).sum((-3, -2, -1))
                     for j in range(0, x.shape[3] - kw + 1, stride)], dim=-1)
        for i in range(0, x.shape[2] - kh + 1, stride)], dim=-2)
    return out if bias is None else out + bias[:, None, None]


# %% right="tensordot" of="conv2d"
def conv2d(x, weight, bias=None, stride=1, padding=0):
    B, C, H, W = x.shape
    kh, kw = weight.shape[-2:]
    padded = x.new_zeros(B, C, H + 2 * padding, W + 2 * padding)
    padded[:, :, padding : padding + H, padding : padding + W] = x
    windows = padded.unfold(2, kh, stride).unfold(3, kw, stride)
    out = torch.tensordot(windows, weight, dims=([1, 4, 5], [1, 2, 3])).permute(0, 3, 1, 2)
    return out + (0 if bias is None else bias[None, :, None, None])


# %% wrong="the mean of a block" of="max_pool2d" check="largest of each block" says="largest of 1, 2, 0, 3 is 3"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    x = F.pad(x, (padding,) * 4, value=-math.inf)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).mean((-2, -1))


# %% wrong="stride 1 by default" of="max_pool2d" check="largest of each block" says="whole blocks of 2 × 2"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = 1 if stride is None else stride
    x = F.pad(x, (padding,) * 4, value=-math.inf)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).amax((-2, -1))


# %% wrong="reshape, which needs whole blocks" of="max_pool2d" check="largest of each block" says="is invalid for input"
def max_pool2d(x, kernel, stride=None, padding=0):
    B, C, H, W = x.shape
    return x.view(B, C, H // kernel, kernel, W // kernel, kernel).amax((3, 5))


# %% wrong="maximum of the rows of a block only" of="max_pool2d" check="largest of each block" says="2 × 2 whole blocks"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    x = F.pad(x, (padding,) * 4, value=-math.inf)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).amax(-1)


# %% wrong="max returns two things" of="max_pool2d" check="largest of each block" says="got a tuple"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    x = F.pad(x, (padding,) * 4, value=-math.inf)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).flatten(-2).max(-1)


# %% wrong="the largest size instead of the largest number" of="max_pool2d" check="largest of each block" says="expected 2, got 3"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    x = F.pad(x, (padding,) * 4)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).abs().amax((-2, -1))


# %% wrong="maximum over the channels too" of="max_pool2d" check="each channel for itself" says="the channels stay apart"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    x = F.pad(x, (padding,) * 4, value=-math.inf)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).amax((1, -2, -1), keepdim=True)[..., 0, 0]


# %% wrong="stride ignored" of="max_pool2d" check="each channel for itself" says="9 rows, blocks of 3, steps of 2"
def max_pool2d(x, kernel, stride=None, padding=0):
    x = F.pad(x, (padding,) * 4, value=-math.inf)
    return x.unfold(2, kernel, kernel).unfold(3, kernel, kernel).amax((-2, -1))


# %% wrong="padded with zeros" of="max_pool2d" check="padding never wins" says="all numbers here are below -1000"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    x = F.pad(x, (padding,) * 4)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).amax((-2, -1))


# %% wrong="padded with -1000" of="max_pool2d" check="padding never wins" says="smaller than every number"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    x = F.pad(x, (padding,) * 4, value=-1000.0)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).amax((-2, -1))


# %% wrong="padded with -100" of="max_pool2d" check="padding never wins" says="all numbers here are below -1000"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    x = F.pad(x, (padding,) * 4, value=-100.0)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).amax((-2, -1))


# %% wrong="padded with zeros, seen at the gradient" of="max_pool2d" check="goes to the winner" says="repair the checks above"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    x = F.pad(x, (padding,) * 4)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).amax((-2, -1))


# %% wrong="padding forgotten" of="max_pool2d" check="padding never wins" says="expected shape (2, 3, 3, 3)"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).amax((-2, -1))


# %% wrong="detached" of="max_pool2d" check="goes to the winner" says="the result is cut off from x"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    x = F.pad(x.detach(), (padding,) * 4, value=-math.inf)
    return x.unfold(2, kernel, stride).unfold(3, kernel, stride).amax((-2, -1))


# %% wrong="the forbidden function" of="max_pool2d" check="largest of each block" says="may not call torch.nn.functional.max_pool2d"
def max_pool2d(x, kernel, stride=None, padding=0):
    return F.max_pool2d(x, kernel, stride, padding)


# %% right="flatten the block, then max" of="max_pool2d"
def max_pool2d(x, kernel, stride=None, padding=0):
    step = stride or kernel
    padded = F.pad(x, [padding] * 4, value=float("-inf"))
    return padded.unfold(2, kernel, step).unfold(3, kernel, step).flatten(start_dim=4).max(dim=-1).values


# %% right="with F.unfold, after padding" of="max_pool2d"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = stride or kernel
    B, C = x.shape[:2]
    x = F.pad(x, (padding,) * 4, value=torch.finfo(x.dtype).min)
    rows = (x.shape[2] - kernel) // stride + 1
    columns = F.unfold(x, kernel, stride=stride).view(B, C, kernel * kernel, -1)
    return columns.max(2)[0].view(B, C, rows, -1)


# %% right="a running maximum over the block" of="max_pool2d"
def max_pool2d(x, kernel, stride=None, padding=0):
    stride = stride or kernel
    x = F.pad(x, (padding,) * 4, value=-math.inf)
    rows, cols = (x.shape[2] - kernel) // stride + 1, (x.shape[3] - kernel) // stride + 1
    best = None
    for u in range(kernel):
        for v in range(kernel):
            part = x[:, :, u::stride, v::stride][:, :, :rows, :cols]
            best = part if best is None else torch.maximum(best, part)
    return best


# %% wrong="adds k instead of k - 1" of="receptive_field" check="windows on windows" says="expected 3, got 4"
def receptive_field(layers):
    field, jump = 1, 1
    for kernel, stride in layers:
        field += kernel * jump
        jump *= stride
    return field


# %% wrong="begins at 0" of="receptive_field" check="windows on windows" says="one layer of kernel 3 sees 3"
def receptive_field(layers):
    field, jump = 0, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field


# %% wrong="multiplies the kernels" of="receptive_field" check="windows on windows" says="adds one on either side"
def receptive_field(layers):
    field = 1
    for kernel, _ in layers:
        field *= kernel
    return field


# %% wrong="sums the kernels" of="receptive_field" check="windows on windows" says="adds one on either side"
def receptive_field(layers):
    return sum(kernel for kernel, stride in layers)


# %% wrong="two for every layer" of="receptive_field" check="windows on windows" says="a kernel k adds k - 1"
def receptive_field(layers):
    return 1 + 2 * len(layers)


# %% wrong="strides ignored" of="receptive_field" check="stride counts" says="the next window's pixels lie 2 apart"
def receptive_field(layers):
    return 1 + sum(kernel - 1 for kernel, _ in layers)


# %% wrong="own stride counted for itself" of="receptive_field" check="stride counts" says="expected 7, got 9"
def receptive_field(layers):
    field, jump = 1, 1
    for kernel, stride in layers:
        jump *= stride
        field += (kernel - 1) * jump
    return field


# %% wrong="strides added" of="receptive_field" check="stride counts" says="the pixels lie 4 apart"
def receptive_field(layers):
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump += stride - 1
    return field


# %% wrong="only the last stride" of="receptive_field" check="stride counts" says="3, 4, 8, 10"
def receptive_field(layers):
    field, before = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * before
        before = stride
    return field


# %% wrong="walks from the last layer to the first" of="receptive_field" check="stride counts" says="pixels lie 2 apart"
def receptive_field(layers):
    field, jump = 1, 1
    for kernel, stride in reversed(layers):
        field += (kernel - 1) * jump
        jump *= stride
    return field


# %% wrong="the largest stride so far" of="receptive_field" check="stride counts" says="the pixels lie 4 apart"
def receptive_field(layers):
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump = max(jump, stride)
    return field


# %% wrong="begins with the first layer" of="receptive_field" check="windows on windows" says="list index out of range"
def receptive_field(layers):
    field, jump = layers[0]
    for kernel, stride in layers[1:]:
        field += (kernel - 1) * jump
        jump *= stride
    return field


# %% wrong="the caller's list emptied" of="receptive_field" check="windows on windows" says="take nothing out"
def receptive_field(layers):
    field, jump = 1, 1
    while layers:
        kernel, stride = layers.pop(0)
        field += (kernel - 1) * jump
        jump *= stride
    return field


# %% right="from the last layer backwards" of="receptive_field"
def receptive_field(layers):
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field


# %% right="recursively" of="receptive_field"
def receptive_field(layers):
    if not layers:
        return 1
    (kernel, stride), *rest = layers
    return kernel + stride * (receptive_field(rest) - 1)


# %% right="as a sum of products" of="receptive_field"
def receptive_field(layers):
    return 1 + sum((k - 1) * math.prod(s for _, s in layers[:i]) for i, (k, _) in enumerate(layers))


# %% wrong="training ignored" of="dropout" check="nothing is dropped" says="neither dropped nor scaled"
def dropout(x, p=0.5, training=True, generator=None):
    return x * (torch.rand(x.shape, generator=generator) >= p) / (1 - p)


# %% wrong="draws before it looks at training" of="dropout" check="nothing is dropped" says="draw no random numbers"
def dropout(x, p=0.5, training=True, generator=None):
    kept = torch.rand(x.shape, generator=generator) >= p
    return x * kept / (1 - p) if training else x


# %% wrong="scaled when used, as in 2012" of="dropout" check="nothing is dropped" says="neither dropped nor scaled"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x * (1 - p)
    return x * (torch.rand(x.shape, generator=generator) >= p)


# %% wrong="training and use exchanged" of="dropout" check="nothing is dropped" says="return x as it is"
def dropout(x, p=0.5, training=True, generator=None):
    if training:
        return x
    return x * (torch.rand(x.shape, generator=generator) >= p) / (1 - p)


# %% wrong="not scaled" of="dropout" check="enlarged" says="1 / 0.8 = 1.25"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    return x * (torch.rand(x.shape, generator=generator) >= p)


# %% wrong="divided by p" of="dropout" check="enlarged" says="0 and 1 / 0.8 = 1.25"
def dropout(x, p=0.5, training=True, generator=None):
    if not training or p == 0:
        return x
    return x * (torch.rand(x.shape, generator=generator) >= p) / p


# %% wrong="multiplied by 1 - p" of="dropout" check="enlarged" says="expected 1.25, got 0.8"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    return x * (torch.rand(x.shape, generator=generator) >= p) * (1 - p)


# %% wrong="always float32" of="dropout" check="enlarged" says="the result has the dtype of x"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    kept = (torch.rand(x.shape, generator=generator) >= p).float()
    return x.float() * kept / (1 - p)


# %% wrong="in place" of="dropout" check="enlarged" says="x was changed in place"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    x *= torch.rand(x.shape, generator=generator) >= p
    x /= 1 - p
    return x


# %% wrong="noise added" of="dropout" check="enlarged" says="nothing but 0 and 1 / 0.8"
def dropout(x, p=0.5, training=True, generator=None):
    if not training or p == 0:
        return x
    return x + p * torch.randn(x.shape, generator=generator)


# %% wrong="entries exchanged with one another" of="dropout" check="enlarged" says="its own x / (1 - p)"
def dropout(x, p=0.5, training=True, generator=None):
    if not training or p == 0:
        return x
    shuffled = x.flatten()[torch.randperm(x.numel(), generator=generator)].view(x.shape)
    return shuffled * (torch.rand(x.shape, generator=generator) >= p) / (1 - p)


# %% wrong="p is the share kept" of="dropout" check="a share p" says="p is the share that is dropped, not kept"
def dropout(x, p=0.5, training=True, generator=None):
    if not training or p == 0:
        return x
    return x * (torch.rand(x.shape, generator=generator) < p) / (1 - p)


# %% wrong="normal numbers instead of uniform ones" of="dropout" check="a share p" says="p is the share that is dropped"
def dropout(x, p=0.5, training=True, generator=None):
    if not training or p == 0:
        return x
    return x * (torch.randn(x.shape, generator=generator) >= p) / (1 - p)


# %% wrong="whole rows dropped" of="dropout" check="each entry for itself" says="two neighbours in a row"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    kept = torch.rand(x.shape[:-1], generator=generator) >= p
    return x * kept[..., None] / (1 - p)


# %% wrong="one mask for the whole batch" of="dropout" check="each entry for itself" says="two neighbours in a column"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    kept = torch.rand(x.shape[1:], generator=generator) >= p
    return x * kept / (1 - p)


# %% wrong="seeded anew in each call" of="dropout" check="each entry for itself" says="every call draws anew"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    kept = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) >= p
    return x * kept / (1 - p)


# %% wrong="without a generator, a fixed seed" of="dropout" check="each entry for itself" says="not a fixed seed"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    generator = generator or torch.Generator().manual_seed(0)
    return x * (torch.rand(x.shape, generator=generator) >= p) / (1 - p)


# %% wrong="exactly the share p dropped" of="dropout" check="each entry for itself" says="no fixed number"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    places = torch.randperm(x.numel(), generator=generator).view(x.shape)
    return x * (places >= round(p * x.numel())) / (1 - p)


# %% wrong="one number for each row" of="dropout" check="a share p" says="draw one number for each entry"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    kept = torch.rand((*x.shape[:-1], 1), generator=generator) >= p
    return x * kept / (1 - p)


# %% wrong="generator ignored" of="dropout" check="each entry for itself" says="hand generator on"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    return x * (torch.rand(x.shape) >= p) / (1 - p)


# %% wrong="detached" of="dropout" check="gradients pass" says="the result is cut off from x"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    return x.detach() * (torch.rand(x.shape, generator=generator) >= p) / (1 - p)


# %% wrong="values put back, the gradient left whole" of="dropout" check="gradients pass" says="0 where dropped"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    out = x.detach() * (torch.rand(x.shape, generator=generator) >= p) / (1 - p)
    return x + (out - x.detach())


# %% wrong="the forbidden function" of="dropout" check="nothing is dropped" says="may not call torch.nn.functional.dropout"
def dropout(x, p=0.5, training=True, generator=None):
    return F.dropout(x, p, training)


# %% right="torch.bernoulli" of="dropout"
def dropout(x, p=0.5, training=True, generator=None):
    if not training:
        return x
    kept = torch.bernoulli(torch.full_like(x, 1 - p), generator=generator)
    return x * kept / (1 - p)


# %% right="torch.where, after a clone" of="dropout"
def dropout(x, p=0.5, training=True, generator=None):
    if training and p > 0:
        dropped = torch.rand(x.shape, generator=generator, dtype=x.dtype) < p
        return torch.where(dropped, torch.zeros_like(x), x / (1 - p))
    return x.clone()


# %% right="masked_fill on a multiple" of="dropout"
def dropout(x, p=0.5, training=True, generator=None):
    if training is False:
        return x
    scaled = x * (1 / (1 - p))
    return scaled.masked_fill(torch.rand(x.shape, generator=generator) < p, 0)


# %% wrong="no projection" of="ResidualBlock" check="weights are those of the table" says="as the shortcut"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="convolutions with a bias" of="ResidualBlock" check="weights are those of the table" says="have no bias"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride), make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="always a projection" of="ResidualBlock" check="weights are those of the table" says="no projection where nothing changes"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="projection only where the channels change" of="ResidualBlock" check="weights are those of the table" says="a stride of 2 changes the shape too"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="norm ignored" of="ResidualBlock" check="weights are those of the table" says="without norm"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                                          nn.BatchNorm2d(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="a projection without normalisation" of="ResidualBlock" check="weights are those of the table" says="a BatchNorm2d of its own"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="bn2 for the projection too" of="ResidualBlock" check="weights are those of the table" says="a BatchNorm2d of its own"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, self.bn2)

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="one normalisation for both" of="ResidualBlock" check="weights are those of the table" says="no projection where nothing changes shape"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn1 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn1(self.conv2(h)) + self.shortcut(x))


# %% wrong="no shortcut" of="ResidualBlock" check="goes round" says="relu(x) remains"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)))


# %% wrong="the last ReLU forgotten" of="ResidualBlock" check="goes round" says="the shortcut and the last ReLU"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(h)) + self.shortcut(x)


# %% wrong="ReLU before the sum" of="ResidualBlock" check="goes round" says="relu(x) remains"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h))) + self.shortcut(x)


# %% wrong="no ReLU in the middle" of="ResidualBlock" check="goes round" says="ReLU after conv1"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = self.bn1(self.conv1(x))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="the middle added instead of the input" of="ResidualBlock" check="goes round" says="relu(x) remains"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + h)


# %% wrong="subtracted" of="ResidualBlock" check="goes round" says="add the shortcut"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.shortcut(x) - self.bn2(self.conv2(h)))


# %% wrong="x overwritten through the Identity" of="ResidualBlock" check="goes round" says="x was changed in place"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        y = self.shortcut(x)
        y += self.bn2(self.conv2(h))
        return F.relu(y)


# %% wrong="conv1 twice" of="ResidualBlock" check="goes round" says="then conv2"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv1(h) + 0 * self.conv2(h)) * self.conv2.weight.any() + self.shortcut(x))


# %% wrong="normalised after the sum" of="ResidualBlock" check="normalised after each" says="the sum comes after bn2"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h) + self.shortcut(x)))


# %% wrong="normalised after the ReLU" of="ResidualBlock" check="normalised after each" says="its own normalisation"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = self.bn1(F.relu(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="normalised before the convolution" of="ResidualBlock" check="normalised after each" says="its own normalisation"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = self.conv1(F.relu(x)) if self.conv1.stride != (1, 1) else F.relu(self.conv1(x))
        h = self.conv2(self.bn1(h))
        return F.relu(self.bn2(h) + self.shortcut(x))


# %% wrong="bn1 used twice" of="ResidualBlock" check="normalised after each" says="its own normalisation"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn1(self.conv2(h)) + self.shortcut(x))


# %% wrong="x itself added where it fits by broadcasting" of="ResidualBlock" check="projection where the shape changes" says="must match the size"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + x)


# %% wrong="shapes made to fit by cutting" of="ResidualBlock" check="projection where the shape changes" says="the projected x remains"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(h))
        step = self.conv1.stride[0]
        around = x[:, :, ::step, ::step]
        missing = out.shape[1] - around.shape[1]
        return F.relu(out + F.pad(around, (0, 0, 0, 0, 0, max(missing, 0))))


# %% wrong="always the statistics of the batch" of="ResidualBlock" check="does not depend on its batch" says="running averages"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        if self.training:
            h = F.relu(self.bn1(self.conv1(x)))
            return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))
        self.train()
        out = self.forward(x)
        self.eval()
        return out


# %% wrong="bn1 called twice" of="ResidualBlock" check="does not depend on its batch" says="call bn1 only once"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        self.bn1(self.conv1(x))
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="the stride on both convolutions" of="ResidualBlock" check="projection where the shape changes" says="must match the size"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, stride, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="a projection of 3 × 3" of="ResidualBlock" check="weights are those of the table" says="the projection is 1 × 1"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="no padding" of="ResidualBlock" check="goes round" says="Kernel size can't be greater"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% wrong="no normalisation even with norm=True" of="ResidualBlock" check="weights are those of the table" says="no projection where nothing changes"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


# %% right="written out" of="ResidualBlock"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, stride=1, padding=1, bias=False)
        if norm:
            self.bn1, self.bn2 = nn.BatchNorm2d(out_channels), nn.BatchNorm2d(out_channels)
        else:
            self.bn1, self.bn2 = nn.Identity(), nn.Identity()
        if stride == 1 and in_channels == out_channels:
            self.shortcut = nn.Identity()
        else:
            last = nn.BatchNorm2d(out_channels) if norm else nn.Identity()
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), last)

    def forward(self, x):
        out = self.conv1(x)
        out = self.bn1(out)
        out = torch.relu(out)
        out = self.conv2(out)
        out = self.bn2(out)
        out += self.shortcut(x)
        return torch.relu(out)


# %% right="clamp for ReLU, the shortcut first, a helper" of="ResidualBlock"
def three(inside, outside, stride=1):
    return nn.Conv2d(inside, outside, (3, 3), stride=stride, padding="same" if stride == 1 else 1, bias=False)


class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = three(in_channels, out_channels, stride)
        self.bn1 = make(out_channels)
        self.conv2 = three(out_channels, out_channels)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        around = self.shortcut(x)
        inner = self.bn1(self.conv1(x)).clamp(min=0)
        return (around + self.bn2(self.conv2(inner))).clamp(min=0)


# %% right="the layers as a chain" of="ResidualBlock"
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, norm=True):
        super().__init__()
        make = nn.BatchNorm2d if norm else nn.Identity
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = make(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = make(out_channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, make(out_channels))

    def forward(self, x):
        for layer in (self.conv1, self.bn1, nn.ReLU(), self.conv2, self.bn2):
            inner = layer(x if layer is self.conv1 else inner)
        return nn.functional.relu(inner + self.shortcut(x))


# %% equivalent="79f43f9b" of="max_pool2d" because="a maximum over two axes does not depend on their order"

# %% survivor="c18703dc" of="dropout" because="shows only where p = 0 and a random number is exactly 0, one in 2²⁴"
