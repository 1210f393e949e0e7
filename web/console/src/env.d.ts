/// <reference types="vite/client" />
declare module 'virtual:texts/zh-CN' {
  const texts: Record<string, never>
  export default texts
}
declare module 'virtual:texts/en' {
  const texts: Record<string, never>
  export default texts
}
declare module 'virtual:texts/zh-CN/later' {
  const texts: Record<string, never>
  export default texts
}
declare module 'virtual:texts/en/later' {
  const texts: Record<string, never>
  export default texts
}
