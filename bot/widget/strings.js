/* Every word that the widget itself says, in both languages. Answers come from the server. */

export const STRINGS = {
  en: {
    launcher: "Chat with us",
    openChat: "Open chat",
    openChatUnread: "Open chat, {count} unread",
    closeChat: "Close chat",
    title: "Customer service",
    notice: "You are chatting with an automated assistant.",
    welcome: "Hello! Ask me anything about your order, delivery, returns or your account.",
    log: "Messages",
    choices: "Suggested replies",
    input: "Your message",
    placeholder: "Type a message…",
    send: "Send",
    switchLanguage: "切换到中文",
    otherLanguage: "中",
    you: "You:",
    assistant: "Assistant:",
    sending: "Sending…",
    failed: "Not sent.",
    rejected: "This message could not be accepted.",
    tooMany: "Too many messages; please wait a moment.",
    retry: "Retry",
    connecting: "Connecting…",
    online: "Online",
    typing: "Typing…",
    reconnecting: "Connection lost, reconnecting…",
    offline: "You are offline",
    newConversation: "A new conversation has started",
    tooLong: "Too long: {count} of {limit} characters",
    counter: "{count} of {limit} characters",
  },
  zh: {
    launcher: "在线咨询",
    openChat: "打开聊天",
    openChatUnread: "打开聊天，{count} 条未读",
    closeChat: "关闭聊天",
    title: "在线客服",
    notice: "您正在与智能助手对话。",
    welcome: "您好！关于订单、配送、退货或账户的问题，都可以问我。",
    log: "消息",
    choices: "建议回复",
    input: "您的消息",
    placeholder: "请输入您的问题…",
    send: "发送",
    switchLanguage: "Switch to English",
    otherLanguage: "EN",
    you: "您：",
    assistant: "助手：",
    sending: "正在发送…",
    failed: "未发送成功。",
    rejected: "这条消息无法接收。",
    tooMany: "消息过于频繁，请稍候。",
    retry: "重试",
    connecting: "正在连接…",
    online: "在线",
    typing: "正在输入…",
    reconnecting: "连接已断开，正在重新连接…",
    offline: "您当前处于离线状态",
    newConversation: "新的对话已开始",
    tooLong: "内容过长：{count}／{limit} 字",
    counter: "{count}／{limit} 字",
  },
};

/** The visitor's own choice, else what the page asks for, else the browser's first language. */
export function pickLanguage(saved, wanted) {
  for (const choice of [saved, wanted]) if (choice in STRINGS) return choice;
  return /^zh\b/i.test(navigator.language) ? "zh" : "en";
}

export function translate(language, key, values = {}) {
  return STRINGS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
