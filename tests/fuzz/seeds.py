#!/usr/bin/env python3
"""Write the seeds of fuzz_jpeg, fuzz_webp, fuzz_tiff and fuzz_pnm, and those of fuzz_png that testdata does not have: small files that lead to all that the readers do.

    tests/fuzz/seeds.py [CORPUS_DIR]        default: corpus, beside this file

JPEG and WebP files are made with Pillow; markers are put behind the first two bytes of a JPEG file, chunks behind all of a WebP one. TIFF files are put together here, but for JPEG and fax in them. The files are kept in the repository, so
that nobody needs Pillow to run the targets, and another version of it changes nothing.
"""
import io
import struct
import sys
import zlib
from pathlib import Path

from PIL import Image

EXIF = b'Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0%c\0\0\0\0\0\0'
XMP = b'http://ns.adobe.com/xap/1.0/\0<a tiff:Orientation="6"/>'


def picture(mode, width, height):
    image = Image.new(mode, (width, height))
    bands = len(image.getbands())
    values = [tuple((16 * x + 24 * y * (c + 1)) % 256 for c in range(bands)) for y in range(height) for x in range(width)]
    image.putdata([v[0] for v in values] if bands == 1 else values)
    return image


def jpeg(mode, width, height, **options):
    file = io.BytesIO()
    picture(mode, width, height).save(file, 'JPEG', quality=50, optimize=True, **options)
    return file.getvalue()


def marker(kind, data):
    return struct.pack('>BBH', 0xFF, kind, len(data) + 2) + data


def with_markers(file, *markers):
    return file[:2] + b''.join(markers) + file[2:]


def jpegs():
    rgb = jpeg('RGB', 9, 8)
    yield 'grey', jpeg('L', 8, 8)
    yield 'colour', rgb
    yield 'colour-444', jpeg('RGB', 8, 9, subsampling=0)
    yield 'progressive', jpeg('RGB', 17, 8, progressive=True)
    yield 'progressive-grey', jpeg('L', 9, 17, progressive=True)
    yield 'cmyk', jpeg('CMYK', 8, 8)
    yield 'density', jpeg('L', 8, 8, dpi=(300, 72))
    for orientation in (3, 6, 8):
        yield f'orientation-{orientation}', with_markers(rgb, marker(0xE1, EXIF % orientation))
    yield 'xmp', with_markers(rgb, marker(0xE1, EXIF % 5), marker(0xE1, XMP))
    profile = b'ICC_PROFILE\0'
    yield 'profile', with_markers(rgb, marker(0xE2, profile + b'\1\2' + bytes(20)), marker(0xE2, profile + b'\2\2more'))
    yield 'grey-profile', with_markers(rgb, marker(0xE2, profile + b'\1\1' + bytes(16) + b'GRAY'))
    yield 'others', with_markers(rgb, marker(0xFE, b'text'), marker(0xED, b'Photoshop 3.0\0'), marker(0xE2, b'MPF\0'),
                                 marker(0xE0, b'JFXX\0'), marker(0xE5, b'x')) + b'behind'
    yield 'cut', rgb[:len(rgb) - 9]
    yield 'header', rgb[:4]


def webp(mode, **options):
    file = io.BytesIO()
    picture(mode, 9, 8).save(file, 'WEBP', **options)
    return file.getvalue()


def with_chunk(file, name, data):
    body = file[8:] + name + struct.pack('<I', len(data)) + data + b'\0' * (len(data) % 2)
    return b'RIFF' + struct.pack('<I', len(body)) + body


def webps():
    yield 'lossy', webp('RGB', quality=30)
    yield 'lossless', webp('RGB', lossless=True)
    yield 'alpha', webp('RGBA', quality=30)
    yield 'lossless-alpha', webp('RGBA', lossless=True)
    yield 'profile', webp('RGB', quality=30, icc_profile=bytes(16) + b'RGB ' + bytes(20))
    yield 'grey-profile', webp('RGB', quality=30, icc_profile=bytes(16) + b'GRAY')
    yield 'extras', with_chunk(webp('RGB', quality=30, exif=EXIF % 6, xmp=XMP[29:]), b'more', b'abc') + b'behind'
    yield 'frames', webp('RGBA', quality=30, save_all=True, append_images=[picture('RGBA', 9, 8).rotate(180)], duration=9)
    yield 'cut', webp('RGB', quality=30)[:-9]


SHORT, LONG, RATIONAL, BYTES = 'H', 'I', 'R', 'B'


def tiff(width, height, data, order='<', blocks=None, **tags):
    """A file of one picture: its data (a list of blocks), and tags as t258=(SHORT, 8)."""
    data = data if isinstance(data, list) else [data]
    file = (b'II*\0' if order == '<' else b'MM\0*') + bytes(4)
    places = []
    for block in data:
        places.append(len(file))
        file += block + b'\0' * (len(block) % 2)
    numbers = (324, 325) if blocks else (273, 279)
    entries = {256: (SHORT, width), 257: (SHORT, height), 259: (SHORT, 1), 262: (SHORT, 1), 277: (SHORT, 1),
               **({322: (SHORT, blocks), 323: (SHORT, blocks)} if blocks else {278: (SHORT, -(-height // len(data)))}),
               numbers[0]: (LONG, *places), numbers[1]: (LONG, *map(len, data)),
               **{int(name[1:]): value for name, value in tags.items()}}
    table = b''
    for number, (kind, *values) in sorted(entries.items()):
        packed = values[0] if kind == BYTES else struct.pack(
            f'{order}{len(values)}{kind.replace(RATIONAL, LONG)}', *values)
        count = len(packed) if kind == BYTES else len(values) // (2 if kind == RATIONAL else 1)
        if len(packed) > 4:
            file, packed = file + packed + b'\0' * (len(packed) % 2), struct.pack(order + 'I', len(file))
        table += struct.pack(order + 'HHI', number, {SHORT: 3, LONG: 4, RATIONAL: 5, BYTES: 7}[kind], count) + packed.ljust(4, b'\0')
    end = struct.pack(order + 'I', len(file))
    return file[:4] + end + file[8:] + struct.pack(order + 'H', len(entries)) + table + bytes(4)


def samples(count):
    return bytes(7 * i % 251 for i in range(count))


def pillow_tiff(mode, compression):
    file = io.BytesIO()
    picture(mode, 16, 8).save(file, 'TIFF', compression=compression)
    return file.getvalue()


def tiffs():
    rgb = {'t258': (SHORT, 8, 8, 8), 't262': (SHORT, 2), 't277': (SHORT, 3)}
    rgba = {'t258': (SHORT, 8, 8, 8, 8), 't262': (SHORT, 2), 't277': (SHORT, 4)}
    yield 'grey', tiff(9, 8, samples(72), t258=(SHORT, 8))
    yield 'bits', tiff(9, 8, samples(16), t262=(SHORT, 0))
    yield 'bits-4', tiff(9, 8, samples(40), t258=(SHORT, 4))
    yield 'bits-12', tiff(9, 8, samples(112), t258=(SHORT, 12))
    yield 'grey-16', tiff(9, 8, samples(144), '>', t258=(SHORT, 16))
    yield 'strips', tiff(9, 8, [samples(27 * 4), samples(27 * 4)], '>', **rgb)
    yield 'tiles', tiff(18, 9, [samples(256 * 3)] * 2, blocks=16, **rgb)
    yield 'planes', tiff(9, 8, [samples(72)] * 3, **{**rgb, 't284': (SHORT, 2), 't278': (SHORT, 8)})
    yield 'palette', tiff(9, 8, samples(40), t258=(SHORT, 4), t262=(SHORT, 3), t320=(SHORT, *range(100, 148)))
    yield 'palette-16', tiff(9, 8, samples(40), t258=(SHORT, 4), t262=(SHORT, 3), t320=(SHORT, *range(1000, 1048)))
    yield 'alpha', tiff(9, 8, samples(288), t338=(SHORT, 2), **rgba)
    yield 'alpha-associated', tiff(9, 8, samples(288), t338=(SHORT, 1), **rgba)
    yield 'channels', tiff(9, 8, samples(288), t338=(SHORT, 0), **rgba)
    yield 'deflate', tiff(9, 8, zlib.compress(samples(216)), t259=(SHORT, 8), t317=(SHORT, 2), **rgb)
    yield 'zstd', tiff(9, 8, b'\x28\xb5\x2f\xfd\x20\x48\x41\x02\x00' + samples(72), t258=(SHORT, 8), t259=(SHORT, 50000))
    yield 'extras', tiff(9, 8, samples(216), t274=(SHORT, 6), t282=(RATIONAL, 300, 1), t283=(RATIONAL, 72, 1), t305=(BYTES, b'x'),
                         t700=(BYTES, XMP[29:]), t34675=(BYTES, bytes(16) + b'RGB ' + bytes(20)), **rgb)
    yield 'grey-profile', tiff(9, 8, samples(216), t34675=(BYTES, bytes(16) + b'GRAY'), **rgb)
    yield 'cmyk', tiff(9, 8, samples(288), **{**rgba, 't262': (SHORT, 5)})
    yield 'tile-large', tiff(9, 8, samples(72), blocks=65535, t258=(SHORT, 8))
    yield 'cut', tiff(9, 8, samples(72), t258=(SHORT, 8))[:-40]
    for compression in ('tiff_lzw', 'packbits', 'jpeg'):
        yield compression.removeprefix('tiff_'), pillow_tiff('RGB', compression)
    for compression in ('group3', 'group4', 'tiff_ccitt'):
        yield compression.removeprefix('tiff_'), pillow_tiff('1', compression)
    ycbcr = io.BytesIO()
    picture('YCbCr', 16, 8).save(ycbcr, 'TIFF', compression='jpeg')
    yield 'ycbcr', ycbcr.getvalue()


def pnms():
    yield 'p1', b'P1\n# a comment\n3 2\n1 0 1\n0 1 0\n'
    yield 'p2', b'P2 2 2 15 0 1 14 15'
    yield 'p2-deep', b'P2 3 1 1000 0 500 1000'
    yield 'p3', b'P3 1 2 255 1 2 3 4 5 6\n'
    yield 'p4', b'P4\n10 2\n\xA0\x40\x5F\x80'
    yield 'p5', b'P5 2 1 255\n\x07\xFE'
    yield 'p5-deep', b'P5 2 1 65535\n\x01\x02\xFF\xFE'
    yield 'p6', b'P6#x\n1#y\n1 255\nabc'
    yield 'two', b'P6 1 1 255\nabcP6 1 1 255\nabc'
    head = 'P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL %d\n'
    for channels, kind in enumerate(('GRAYSCALE', 'GRAYSCALE_ALPHA', 'RGB', 'RGB_ALPHA'), 1):
        yield f'p7-{channels}', (head % (2, 1, channels, 255) + f'TUPLTYPE {kind}\nENDHDR\n').encode() + b'abcdefgh'[:2 * channels]
    yield 'p7-bits', (head % (2, 1, 1, 1) + 'TUPLTYPE BLACKANDWHITE\nENDHDR\n').encode() + b'\0\1'
    yield 'p7-deep', (head % (1, 1, 3, 65535) + '# c\nENDHDR\n').encode() + b'abcdef'
    yield 'large', b'P5 65535 65535 255\nabc'


def chunk(name, data):
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def png(before=(), behind=()):
    """Two grey pixels, and chunks before and behind them."""
    chunks = [(b'IHDR', struct.pack('>IIBBBBB', 2, 1, 8, 0, 0, 0, 0)), *before, (b'IDAT', zlib.compress(b'\0ab')), *behind,
              (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunk(*c) for c in chunks)


def raw_profile(kind, data):
    return b'Raw profile type %s\0\n%s\n%8d\n%s\n' % (kind, kind, len(data), data.hex().encode())


def pngs():
    frame = (b'fcTL', bytes(3) + b'\0' + bytes(22))
    exif = b'MM\0*\0\0\0\x08\0\0\0\0\0\0'
    yield 'cicp', png([(b'cICP', bytes((9, 16, 0, 1)))])
    yield 'gamma', png([(b'gAMA', struct.pack('>I', 45455)),
                        (b'cHRM', struct.pack('>8I', 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))])
    yield 'srgb', png([(b'sRGB', b'\1'), (b'pHYs', struct.pack('>IIB', 2835, 2835, 1))])
    yield 'texts', png([(b'tEXt', b'Title\0text'), (b'iTXt', b'XML:com.adobe.xmp\0\0\0\0\0<x/>')],
                       [(b'zTXt', b'Comment\0\0' + zlib.compress(b'text'))])
    yield 'raw-exif', png([(b'tEXt', raw_profile(b'exif', b'Exif\0\0' + exif))])
    yield 'raw-xmp', png([(b'zTXt', b'Raw profile type APP1\0\0' + zlib.compress(raw_profile(b'APP1', XMP)[22:]))])
    yield 'frames', png([(b'acTL', bytes(8)), frame], [frame, (b'fdAT', bytes(8)), (b'eXIf', exif)]) + b'behind'


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files:
        (folder / name).write_bytes(data)


if __name__ == '__main__':
    corpus = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / 'corpus')
    write(corpus / 'jpeg', jpegs())
    write(corpus / 'webp', webps())
    write(corpus / 'tiff', tiffs())
    write(corpus / 'pnm', pnms())
    write(corpus / 'png', pngs())
