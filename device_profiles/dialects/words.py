"""Chinese for the words that makers build their keys and states from.

A key such as `motor_reversal` has no label of its own in any table; its Chinese label is put
together word by word, as Chinese does with such compounds: 电机反转. A word that is not in the list
stays as the maker wrote it, and a key of which no word is known is called 厂家项 ("the maker's
item") with its own name behind, so that nobody takes it for a translation.
"""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = """
ac 交流|action 动作|active 运行|actual 实际|adaptive 自适应|air 空气|alarm 报警|alert 警报
angle 角度|apparent 视在|area 区域|auto 自动|automatic 自动|average 平均|away 离家
backlight 背光|battery 电池|boiler 锅炉|boost 强力|breaker 断路器|brightness 亮度
button 按键|calibration 校准|carbon 碳|charge 充电|charging 充电|child 儿童|circuit 回路
clean 清洁|close 关闭|closed 关|color 颜色|colour 颜色|compressor 压缩机|condition 状态
connection 连接|consumed 已用|consumption 消耗|contact 触点|control 控制|cooling 制冷
count 计数|counter 计数|countdown 倒计时|cover 帘|current 当前|curtain 窗帘|cycle 周期
daily 每日|date 日期|day 日|delay 延时|density 浓度|detection 检测|detector 探测器
device 设备|dew 露|diagnostic 诊断|dimmer 调光|direction 方向|distance 距离|door 门
duration 时长|dust 粉尘|dynamic 动态|eco 节能|energy 电能|error 错误|event 事件
external 外部|factor 因数|fan 风机|fault 故障|fault_code 故障码|filter 滤网|firmware 固件
flame 火焰|flow 流量|formaldehyde 甲醛|frequency 频率|frost 防冻|gas 燃气|gain 增益|heat 热
heater 加热器|heating 制热|high 高|hot 热|hour 小时|humidity 湿度|identify 识别|idle 空闲
illuminance 照度|indicator 指示|indoor 室内|inlet 进口|input 输入|installed 已安装
interval 间隔|key 按键|keypad 键盘|last 上次|leak 泄漏|led 指示灯|left 左|level 级别
light 灯|limit 限值|linkage 联动|load 负载|local 本地|lock 锁|low 低|lux 照度|main 主
manual 手动|max 最大|maximum 最大|measured 测得|memory 内存|min 最小|minimum 最小|mode 模式
moisture 水分|month 月|motion 移动|motor 电机|moving 运动状态|mute 静音|neutral 零线
night 夜间|noise 噪声|number 编号|occupancy 占用|offset 修正|on 开|off 关|open 开启
operating 运行|operation 运行|options 选项|outdoor 室外|outlet 出口|output 输出
overload 过载|overheat 过热|panel 面板|people 人数|percent 百分比|percentage 百分比
period 周期|phase 相|pid 调节|pilot 引导|plug 插座|point 点|port 端口|position 位置
power 功率|preset 预设|presence 存在|pressure 压力|produced 发出|program 程序
protection 保护|pump 泵|quality 质量|radar 雷达|rain 雨|range 量程|rate 速率|reactive 无功
received 接收|relay 继电器|remaining 剩余|remote 远程|report 上报|reporting 上报
requested 请求|reset 复位|return 回|returned 返送|reverse 反向|reversal 反转|right 右
room 房间|running 运行|runtime 运行时间|schedule 日程|security 安防|self 自
sensitivity 灵敏度|sensor 传感器|setpoint 设定值|setting 设置|settings 设置|siren 警笛
smoke 烟雾|soil 土壤|sound 声音|speed 速度|standby 待机|start 启动|state 状态|static 静态
status 状态|stop 停止|strength 强度|supply 供|switch 开关|swing 摆风|system 系统|tamper 防拆
tank 水箱|target 目标|temperature 温度|test 测试|threshold 阈值|tilt 倾斜|time 时间
timeout 超时|timer 定时|today 今日|total 累计|trigger 触发|type 类型|unit 单位|update 更新
uptime 运行时长|usage 用量|uv 紫外线|vacation 度假|valve 阀门|version 版本|vibration 振动
voltage 电压|volume 音量|warning 预警|water 水|week 周|weekly 每周|weight 重量|wind 风
window 窗|wireless 无线|work 工作|working 工作|year 年|yesterday 昨日|zone 区域
"""
_STATES: Final = """
off 关|on 开|open 开|opened 已开|closed 关|close 关|stop 停|stopped 停止|opening 正在打开
closing 正在关闭|moving 运动中|idle 空闲|heat 制热|heating 制热|cool 制冷|cooling 制冷
auto 自动|automatic 自动|manual 手动|dry 除湿|drying 除湿|fan 送风|fan_only 送风
heat_cool 冷热自动|low 低|medium 中|middle 中|mid 中|high 高|max 最大|min 最小
very_high 很高|turbo 强劲|quiet 静音|silent 静音|sleep 睡眠|eco 节能|comfort 舒适|away 离家
home 在家|boost 强力|none 无|single 单击|double 双击|triple 三击|quadruple 四击|many 多击
hold 长按|long 长按|release 松开|press 按下|pressed 按下|short 短按|toggle 切换|lock 锁定
locked 已锁|unlock 解锁|unlocked 未锁|locking 正在锁|unlocking 正在开锁|jammed 卡住
not_fully_locked 未锁好|normal 正常|alarm 报警|fault 故障|ok 正常|error 错误|warning 预警
unknown 未知|true 是|false 否|yes 是|no 否|previous 恢复原状|restore 恢复原状|emergency 紧急
panic 紧急|sos 紧急|arm_all_zones 全区布防|arm_day_zones 日间布防|arm_night_zones 夜间布防
disarm 撤防|occupied 有人|unoccupied 无人|charging 充电中|discharging 放电中|charged 已充满
standby 待机|running 运行|paused 暂停|online 在线|offline 离线|up 上|down 下|left 左
right 右|forward 正向|back 反向|reverse 反向|vibration 振动|tilt 倾斜|drop 跌落|shake 摇晃
clear 正常|detected 检测到|wet 有水|dry_contact 干接点|present 有人|absent 无人|enable 启用
disable 停用|enabled 启用|disabled 停用|installed 已安装|good 良好|excellent 优
moderate 一般|poor 差|unhealthy 不健康|hazardous 有害|hot 热|cold 冷|busy 忙
opened_window 开窗|defrosting 除霜|preheating 预热|vertical 上下|horizontal 左右|both 全部
smart 智能|holiday 假日|schedule 日程|program 程序|free 空闲|released 已松开|long_press 长按
motion 有移动|no_motion 无移动|low_battery 电量低
"""

_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])")
_SIGNS: Final = re.compile(r"[^A-Za-z0-9]+")


def _table(text: str) -> dict[str, str]:
    pairs = (
        tuple(one.split(maxsplit=1)) for one in text.replace("\n", "|").split("|") if one.strip()
    )
    return {word: zh for word, zh in pairs}  # noqa: C416  (mypy needs the pair)


WORDS: Final = _table(_WORDS)
STATES: Final = _table(_STATES)


def snake(name: str) -> str:
    """Return a maker's name in snake case, possibly nothing.

    >>> snake("CarbonDioxide"), snake("PM2.5"), snake("total_act_energy"), snake("温度")
    ('carbon_dioxide', 'pm2_5', 'total_act_energy', '')
    """
    return _SIGNS.sub("_", _CAMEL.sub("_", name)).strip("_").lower()


def chinese_name(name: str) -> str:
    """Return a Chinese label for a maker's key that no table knows.

    >>> chinese_name("motor_reversal"), chinese_name("window_foo"), chinese_name("foo_bar")
    ('电机反转', '窗 foo', '厂家项 foo bar')
    """
    if any(ord(letter) > 0x2E7F for letter in name):
        return name.strip()  # Chinese already
    parts = snake(name).split("_")
    if not any(part in WORDS for part in parts):
        return f"厂家项 {' '.join(parts)}".strip()
    text, was_chinese = "", True
    for part in parts:
        is_chinese = part in WORDS
        gap = "" if not text or (is_chinese and was_chinese) else " "
        text += gap + WORDS.get(part, part)
        was_chinese = is_chinese
    return text


def english_name(name: str) -> str:
    """Return an English label for a maker's key.

    >>> english_name("motor_reversal"), english_name("AQI level")
    ('motor reversal', 'AQI level')
    """
    return name.strip() if " " in name.strip() else snake(name).replace("_", " ") or name.strip()


def state_label(word: str) -> dict[str, str]:
    """Return what to call a state that the maker names by a word.

    >>> state_label("fan_only"), state_label("foo")
    ({'zh': '送风', 'en': 'fan only'}, {'zh': 'foo', 'en': 'foo'})
    """
    known = STATES.get(snake(word)) or STATES.get(word.lower())
    english = snake(word).replace("_", " ") if known else word.strip()
    if known is None and all(part in WORDS for part in snake(word).split("_")):
        known = chinese_name(word)
    return {"zh": known or word.strip(), "en": english}
