// Common wordings of hazards by sector, each with what is usually asked for: chosen first and edited then, so that little has
// to be typed in front of a shop.

export interface Phrase {
  readonly description: string;
  readonly measures: string;
}

const phrase = (description: string, measures: string): Phrase => ({ description, measures });

export const PHRASES: Readonly<Record<string, readonly Phrase[]>> = {
  fire: [
    phrase("疏散通道堆放杂物，影响通行", "立即清理，保持畅通"),
    phrase("安全出口上锁或被遮挡", "立即打开，营业期间不得上锁"),
    phrase("灭火器压力不足或过期", "更换或重新充装"),
    phrase("未配置灭火器或数量不足", "按标准配置灭火器"),
    phrase("电气线路私拉乱接，未穿管保护", "由电工规范敷设线路"),
    phrase("应急照明、疏散指示标志损坏", "修复或更换"),
    phrase("住人与经营、仓储场所未有效分隔", "搬离住宿人员或设置防火分隔"),
    phrase("电动自行车在室内充电", "移至室外集中充电点"),
    phrase("外窗设置防盗网，未留逃生口", "拆除或开设逃生口"),
  ],
  fireworks: [
    phrase("零售许可证过期或未悬挂", "停止销售，办理许可后再经营"),
    phrase("超量存放烟花爆竹", "将超量部分退回批发企业"),
    phrase("店内有明火或使用取暖炉具", "立即撤除"),
    phrase("烟花爆竹与其他商品混放，未设专柜", "设专店或专柜存放"),
    phrase("未张贴禁火等安全警示标志", "张贴警示标志"),
    phrase("店内住人、生火做饭", "立即搬离"),
    phrase("销售应由专业人员燃放的产品", "下架并上报处理"),
  ],
  hazardous_chemicals: [
    phrase("卸油口静电接地装置损坏", "停止卸油作业，修复后再用"),
    phrase("加油区有人使用手机、吸烟", "制止并加强现场管理"),
    phrase("消防沙、灭火毯不足", "补足应急器材"),
    phrase("可燃气体报警器失效", "检修或更换"),
    phrase("未按规定开展应急演练", "制定计划并组织演练"),
    phrase("防雷防静电装置检测过期", "委托有资质单位检测"),
  ],
  school: [
    phrase("楼梯间、疏散通道堆放物品", "立即清理"),
    phrase("消火栓被遮挡或无水", "清理并检修"),
    phrase("食堂燃气软管老化、无熄火保护", "更换合格软管和灶具"),
    phrase("校车超员或手续不全", "停止运行，补办手续"),
    phrase("围墙、教室墙体开裂", "设置警戒，请专业人员鉴定"),
  ],
  construction: [
    phrase("临边、洞口无防护", "设置防护栏杆或盖板"),
    phrase("作业人员未戴安全帽、未系安全带", "停止作业，配齐防护用品"),
    phrase("脚手架搭设不规范，无扫地杆", "停用并整改，验收后再用"),
    phrase("配电箱无漏电保护，电缆拖地", "安装漏电保护器，架空电缆"),
    phrase("基坑未放坡、无支护", "停止作业，采取支护措施"),
    phrase("起重设备操作人员无证", "更换持证人员"),
  ],
  road_traffic: [
    phrase("临水临崖路段无护栏", "设置警示标志，申报安装护栏"),
    phrase("急弯陡坡无警示标志", "安装警示标志、凸面镜"),
    phrase("路面塌陷或坑槽", "设置围挡，及时修复"),
    phrase("路口视线被遮挡", "清除遮挡物"),
    phrase("货车、拖拉机违法载人", "劝阻并上报交警"),
  ],
  gas: [
    phrase("燃气软管老化、超长或穿墙", "更换为合格软管"),
    phrase("液化气瓶超期未检", "停用并送检"),
    phrase("用气场所未装可燃气体报警器", "安装报警器"),
    phrase("气瓶与火源同室，间距不足", "分室存放"),
  ],
  crowded_place: [
    phrase("营业期间安全出口锁闭", "立即打开"),
    phrase("疏散通道宽度不足、被占用", "清理摊位，恢复宽度"),
    phrase("吊顶、装修使用易燃材料", "拆除或更换为难燃材料"),
    phrase("未开展消防演练", "组织演练并记录"),
  ],
  residential_area: [
    phrase("楼道停放电动自行车并充电", "移至室外充电"),
    phrase("消防车通道被占用", "清理障碍物"),
    phrase("房屋地基下沉、墙体开裂", "撤离人员，请专业人员鉴定"),
    phrase("房后边坡有滑坡迹象", "设置警戒，组织避让"),
  ],
  agricultural_machinery: [
    phrase("农机传动部位无防护罩", "加装防护罩"),
    phrase("驾驶人无证操作", "停止操作，参加培训考证"),
    phrase("农机未检验或逾期未检", "停用并送检"),
  ],
  water: [
    phrase("山塘、水库边无警示标志和救生器材", "设置警示标志，配备救生圈"),
    phrase("坝体渗漏", "降低水位，请水利部门处置"),
    phrase("船只无证载客", "停止载客"),
  ],
  special_equipment: [
    phrase("电梯、锅炉等未定期检验", "停用并申报检验"),
    phrase("操作人员无证上岗", "更换持证人员"),
    phrase("安全阀、压力表失效", "停用并更换"),
  ],
  non_coal_mine: [
    phrase("边坡过陡、有浮石", "停止作业，清除浮石"),
    phrase("爆破警戒措施不落实", "停止爆破，落实警戒"),
    phrase("停产矿山擅自开采", "立即制止并上报"),
  ],
  coal_mine: [
    phrase("关闭井口封堵不严", "重新封堵并设警示标志"),
    phrase("采空区地面塌陷", "设置围栏和警示标志"),
  ],
  other: [
    phrase("存在安全隐患，需进一步核查", "核查后明确整改措施"),
    phrase("安全警示标志缺失", "补设警示标志"),
  ],
};
