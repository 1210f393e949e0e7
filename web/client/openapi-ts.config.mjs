// How tools/client.py makes types.gen.ts out of openapi.json; it says where both are.
export default {
  input: './openapi.json',
  output: { path: './generated', entryFile: false, header: '// Made from openapi.json by tools/client.py. Do not edit.' },
  plugins: ['@hey-api/typescript'],
}
