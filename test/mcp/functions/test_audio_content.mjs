export const config = { tool: { description: 'Returns a sound, as bytes' } }

/** A WAV file of one silent sample (http://soundfile.sapp.org/doc/WaveFormat). */
function wav() {
  const file = Buffer.alloc(46)
  file.write('RIFF', 0)
  file.writeUInt32LE(38, 4)
  file.write('WAVEfmt ', 8)
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(1, 22)
  file.writeUInt32LE(8000, 24)
  file.writeUInt32LE(16000, 28)
  file.writeUInt16LE(2, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36)
  file.writeUInt32LE(2, 40)
  return file
}

export default (_, ctx) => ctx.response(wav(), { headers: { 'content-type': 'audio/wav' } })
